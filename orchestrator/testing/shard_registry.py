"""What every `ShardRegistry` must do: which shards an index has, and what is dead in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import IndexBusy, StoreError
from orchestrator.ports import IndexChange, IndexRegistry, Ledger, Shard, ShardedChange, ShardRegistry
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher, ShardPublisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import ANONYMOUS, Principal

STAFF = Principal(grants=frozenset({"staff"}))


class ShardRegistryConformance:
    """Subclass it with fixtures `registry`, `shard_registry` and `ledger` on one empty store.

    All go by `clock`.
    """

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The time that all go by."""
        return ManualClock()

    @pytest.fixture
    def ledger(self, clock: ManualClock) -> Ledger:
        """The ledger whose jobs publish."""
        raise NotImplementedError

    @pytest.fixture
    def registry(self, clock: ManualClock) -> IndexRegistry:
        """The registry that publishes what the registry under test reads."""
        raise NotImplementedError

    @pytest.fixture
    def shard_registry(self, clock: ManualClock) -> ShardRegistry:
        """The registry under test."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, registry: IndexRegistry, shard_registry: ShardRegistry, ledger: Ledger) -> ShardPublisher:
        """An empty index."""
        registry.create("default", FORMAT)
        return ShardPublisher(registry, shard_registry, ledger)

    # -- versions ------------------------------------------------------------------------------

    def test_a_version_names_its_shards(self, index: ShardPublisher) -> None:
        before = index.version
        assert (before.shards, dict(before.removed)) == ((), {})
        first = index.publish(document("a", "w1", "w2"), document("b", "w2"))
        assert [shard.points for shard in first.shards] == [3]
        assert dict(first.removed) == {}
        second = index.publish(document("c", "w3"))
        assert [shard.points for shard in second.shards] == [3, 1]
        published = index.registry.current("default")
        assert published is not None
        assert (second.number, second.format) == (published.number, published.format)
        assert (second.documents, second.passages) == (published.documents, published.passages) == (3, 4)
        index.registry.drop("default")
        assert index.shards.current("default") is None
        index.registry.create("default", FORMAT)
        assert index.version.shards == ()

    def test_a_change_without_shards_makes_none(self, index: ShardPublisher) -> None:
        row = document("a", "w1")
        plain = Publisher(index.registry, index.ledger, "plain")
        index.registry.create("plain", FORMAT)
        plain.publish(row)
        plain.registry.publish(plain.job(), "plain", IndexChange(format=FORMAT))
        version = index.shards.current("plain")
        assert version is not None
        assert index.shards.unplaced("plain") == [row]
        assert index.shards.unplaced("plain", after=row.id) == []
        assert (version.documents, version.shards, dict(version.removed)) == (1, (), {})
        assert index.registry.verify("plain") == []

    def test_a_rebuild_for_a_store_without_shards_gives_up_all(self, index: ShardPublisher) -> None:
        index.publish(document("a", "w1"), document("b", "w2"))
        index.publish(document("a", "w3"))
        index.registry.publish(index.job(), "default", IndexChange(format=FORMAT))
        assert (index.version.shards, dict(index.version.removed)) == ((), {})
        assert index.shards.shards("default") == frozenset()
        assert index.registry.verify("default") == []

    def test_a_shard_that_does_not_fit_its_change_publishes_nothing(self, index: ShardPublisher) -> None:
        a = document("a", "w1")
        index.publish(a)
        before = index.version
        merged = ShardedChange.of(index.change(a), shard=Shard("m", 1))
        for change in (
            replace(index.change(a), shard=Shard("s", 2)),
            replace(index.change(a), shard=None),
            replace(index.change(), shard=Shard("s", 1)),
            replace(merged, merged=(before.shards[0].name,)),
            replace(index.change(a), shard=before.shards[0]),
            ShardedChange(format=FORMAT, shard=Shard("s", 1)),
        ):
            with pytest.raises(StoreError):
                index.registry.publish(index.job(), "default", change)
        assert index.version == before

    def test_the_name_of_a_shard_is_used_once(self, index: ShardPublisher) -> None:
        change = index.change(document("a", "w1"))
        index.put(change)
        with pytest.raises(StoreError, match="shard"):
            index.put(replace(index.change(document("b", "w1")), shard=change.shard))

    def test_documents_that_lie_in_no_shard_are_found(self, index: ShardPublisher) -> None:
        a, empty = document("a", "w1"), document("empty")
        index.publish(a, empty)
        assert index.shards.unplaced("default") == index.shards.verify("default") == []
        plain = Publisher(index.registry, index.ledger)
        index.registry.publish(index.job(), "default", plain.change(document("b", "w2")))
        assert [row.document for row in index.shards.unplaced("default")] == ["b"]
        (told,) = index.shards.verify("default")
        assert "lies in no shard" in told
        assert index.registry.verify("default") == []
        index.publish(document("b", "w2"))
        assert index.shards.unplaced("default") == index.shards.verify("default") == []

    def test_documents_are_found_by_their_shard(self, index: ShardPublisher) -> None:
        a, b, c = document("a", "w1"), document("b", "w2"), document("c", "w3")
        first, second = index.publish(a, b).shards[-1], index.publish(c).shards[-1]
        index.publish(document("b", "w4"))

        def lying(*names: str) -> list[str]:
            return [row.document for row in index.shards.documents("default", names)]

        assert lying(first.name) == ["a"]
        assert sorted(lying(first.name, second.name)) == ["a", "c"]
        assert lying("none") == []
        (one,) = index.shards.documents("default", [first.name, second.name], limit=1)
        (other,) = index.shards.documents("default", [first.name, second.name], after=one.id)
        assert one.id < other.id

    # -- which there are -----------------------------------------------------------------------

    def test_an_index_that_was_never_made_has_no_shards(self, shard_registry: ShardRegistry) -> None:
        assert shard_registry.shards("default") == frozenset()
        assert shard_registry.shard_files("default") == {}

    def test_shards_are_kept_for_a_while_after_they_are_given_up(
        self, index: ShardPublisher, shard_registry: ShardRegistry, clock: ManualClock
    ) -> None:
        index.publish(document("a", "w1"))
        version = index.publish(document("b", "w1"))
        names = {shard.name for shard in version.shards}
        index.put(ShardedChange(shard=Shard("m", 2), merged=tuple(sorted(names))))
        assert shard_registry.shards("default", grace_seconds=10) == names | {"m"}
        clock.advance(11)
        assert shard_registry.shards("default", grace_seconds=10) == {"m"}

    def test_the_files_of_shards_in_use_are_known(
        self, index: ShardPublisher, shard_registry: ShardRegistry
    ) -> None:
        change = index.change(document("a", "w1"))
        assert change.shard is not None
        told = replace(change.shard, files={"one": "1", "inner/two": "2"})
        index.put(replace(change, shard=told))
        old = index.change(document("b", "w1"))
        assert old.shard is not None
        index.put(old)
        assert shard_registry.shard_files("default") == {told.name: dict(told.files)}
        for digest in ("3", "4"):
            shard_registry.record_shard_files("default", replace(old.shard, files={"three": digest}))
        assert shard_registry.shard_files("default")[old.shard.name] == {"three": "3"}
        names = (told.name, old.shard.name)
        merged = Shard("m", 2, {"four": "4"})
        index.put(ShardedChange(shard=merged, merged=names))
        assert shard_registry.shard_files("default") == {"m": {"four": "4"}}
        shard_registry.record_shard_files("default", Shard(told.name, 1, {"five": "5"}))
        assert shard_registry.shard_files("default") == {"m": {"four": "4"}}

    # -- what is dead where --------------------------------------------------------------------

    def test_replaced_passages_are_dead_in_their_shard(self, index: ShardPublisher) -> None:
        old, other = document("a", "w1", "w2"), document("b", "w3")
        first = index.publish(old, other)
        second = index.publish(document("a", "w4"))
        assert (second.documents, second.passages) == (2, 2)
        assert dict(second.removed) == {first.shards[0].name: frozenset(ids(old))}
        assert dict(first.removed) == {}

    def test_removed_documents_are_dead_in_their_shard(self, index: ShardPublisher) -> None:
        a, b = document("a", "w1"), document("b", "w2")
        first = index.publish(a, b)
        second = index.publish(removed=(a,))
        assert (second.documents, second.passages) == (1, 1)
        assert dict(second.removed) == {first.shards[0].name: frozenset(ids(a))}
        assert [row.document for row in index.registry.documents("default")] == ["b"]
        assert index.publish(removed=(a,)).documents == 1

    def test_a_document_that_is_changed_back_is_alive_in_its_new_shard_only(
        self, index: ShardPublisher
    ) -> None:
        a, changed = document("a", "w1"), document("a", "w2")
        first = index.publish(a)
        second = index.publish(changed)
        third = index.publish(a)
        assert dict(third.removed) == {
            first.shards[0].name: frozenset(ids(a)),
            second.shards[1].name: frozenset(ids(changed)),
        }
        assert third.passages == 1

    def test_a_relabelled_document_is_alive_in_its_new_shard_only(self, index: ShardPublisher) -> None:
        a = document("a", "w1 w2")
        first = index.publish(a)
        # The passages are the old ones, so that nobody has counted their terms again.
        change = replace(index.change(replace(a, labels=("staff",))), terms={})
        second = index.put(change)
        assert dict(second.removed) == {first.shards[0].name: frozenset(ids(a))}
        assert [row.labels for row in index.registry.documents("default")] == [("staff",)]
        assert index.registry.statistics(second, STAFF).frequency == {1: 1, 2: 1}
        assert index.registry.statistics(second, ANONYMOUS).passages == 0

    def test_a_removed_document_can_come_back(self, index: ShardPublisher) -> None:
        a = document("a", "w1")
        index.publish(a)
        index.publish(removed=(a,))
        version = index.publish(a)
        assert (version.documents, version.passages) == (1, 1)
        assert [row.document for row in index.registry.documents("default")] == ["a"]
        assert index.registry.statistics(version, ANONYMOUS).frequency == {1: 1}

    # -- merging and rebuilding ----------------------------------------------------------------

    def test_a_merged_shard_takes_the_place_of_others(self, index: ShardPublisher) -> None:
        a, b, c = document("a", "w1"), document("b", "w2"), document("c", "w3")
        for row in (a, b, c):
            version = index.publish(row)
        version = index.publish(document("a", "w4"))
        names = tuple(shard.name for shard in version.shards)
        merge = ShardedChange(shard=Shard("merged", 2), merged=names[:3], base=version.number)
        merged = index.put(merge)
        assert {shard.name for shard in merged.shards} == {names[3], "merged"}
        assert dict(merged.removed) == {}
        assert (merged.documents, merged.passages) == (3, 3)
        # The documents lie in the new shard now.
        assert dict(index.publish(removed=(b,)).removed) == {"merged": frozenset(ids(b))}

    @pytest.mark.parametrize("told", [True, False])
    def test_what_died_during_a_merge_is_dead_in_the_merged_shard(
        self, index: ShardPublisher, told: bool
    ) -> None:
        a, b, c = document("a", "w1"), document("b", "w2"), document("c", "w3")
        index.publish(a)
        base = index.publish(b, c)
        index.publish(removed=(b,))
        index.publish(document("a", "w5"))
        merge = ShardedChange(
            shard=Shard("merged", 3),
            merged=tuple(shard.name for shard in base.shards),
            base=base.number if told else None,
        )
        version = index.put(merge)
        assert dict(version.removed) == {"merged": frozenset(ids(a, b))}
        assert version.passages == 2

    @pytest.mark.parametrize("told", [True, False])
    def test_what_moved_from_one_merged_shard_to_another_is_alive(
        self, index: ShardPublisher, told: bool
    ) -> None:
        a = document("a", "w1")
        index.publish(a)
        version = index.publish(replace(a, labels=("staff",)))
        merge = ShardedChange(
            shard=Shard("merged", 1),
            merged=tuple(shard.name for shard in version.shards),
            base=version.number if told else None,
        )
        merged = index.put(merge)
        assert dict(merged.removed) == {}

    def test_shards_that_are_gone_cannot_be_merged(self, index: ShardPublisher) -> None:
        index.publish(document("a", "w1"))
        version = index.publish(document("b", "w1"))
        names = tuple(shard.name for shard in version.shards)
        index.put(ShardedChange(shard=Shard("m1", 2), merged=names))
        with pytest.raises(IndexBusy):
            index.put(ShardedChange(shard=Shard("m2", 2), merged=names))

    def test_a_merge_of_nothing_alive_leaves_no_shard(self, index: ShardPublisher) -> None:
        a = document("a", "w1")
        index.publish(a)
        version = index.publish(removed=(a,))
        merge = ShardedChange(merged=(version.shards[0].name,), base=version.number)
        merged = index.put(merge)
        assert (merged.shards, dict(merged.removed)) == ((), {})

    def test_a_rebuild_changes_the_format_and_keeps_the_documents(self, index: ShardPublisher) -> None:
        a, b, c = document("a", "w1"), document("b", "w2"), document("c", "w3")
        index.publish(a, b)
        index.publish(c)
        version = index.publish(removed=(a,))
        other = replace(FORMAT, embedder="embedder-b", dimensions=16)
        rebuild = ShardedChange(
            format=other,
            shards=(Shard("r1", 1), Shard("r2", 1)),
            terms={ids(b)[0]: [7, 8], ids(c)[0]: [8]},
            base=version.number,
        )
        rebuilt = index.put(rebuild)
        assert rebuilt.format == other
        assert [shard.name for shard in rebuilt.shards] == ["r1", "r2"]
        assert (dict(rebuilt.removed), rebuilt.documents, rebuilt.passages) == ({}, 2, 2)
        assert index.registry.create("default", other).number == rebuilt.number
        assert index.registry.statistics(rebuilt, ANONYMOUS).frequency == {7: 1, 8: 2}
        # Which of the new shards holds it is not known: it is dead in whichever does.
        after = index.publish(removed=(b,))
        assert all(ids(b)[0] in after.removed[name] for name in ("r1", "r2"))
        assert index.registry.statistics(after, ANONYMOUS).frequency == {8: 1}

    def test_a_rebuild_of_an_older_version_is_refused(self, index: ShardPublisher) -> None:
        base = index.publish(document("a", "w1"))
        current = index.publish(document("b", "w1"))
        rebuild = ShardedChange(format=FORMAT, shards=(Shard("r", 1),), base=base.number)
        with pytest.raises(IndexBusy):
            index.put(rebuild)
        assert index.version == current

    def rebuilt_in_two(self, index: ShardPublisher, *held: int) -> None:
        """Replace all shards by `r1` and `r2`, which hold so many passages."""
        version = index.version
        shards = tuple(Shard(f"r{number}", points) for number, points in enumerate(held, 1))
        rebuild = ShardedChange(format=FORMAT, shards=shards, base=version.number)
        index.put(rebuild)

    def test_what_came_back_after_a_rebuild_can_leave_again(self, index: ShardPublisher) -> None:
        a, b = document("a", "w1"), document("b", "w2")
        index.publish(a, b)
        self.rebuilt_in_two(index, 1, 1)
        index.publish(removed=(a,))
        version = index.publish(a)
        merge = ShardedChange(
            shard=Shard("m", 1), merged=("r1", version.shards[-1].name), base=version.number
        )
        index.put(merge)
        gone = index.publish(removed=(a,))
        assert ids(a)[0] in gone.removed["m"]
        assert (gone.documents, gone.passages) == (1, 1)

    def test_merges_side_by_side_leave_one_copy_alive(self, index: ShardPublisher) -> None:
        a, b = document("a", "w1"), document("b", "w2")
        index.publish(a, b)
        self.rebuilt_in_two(index, 1, 1)
        # The slow merge reads r2 while `a` is alive in it; the fast one moves the new copy of `a`.
        slow = index.version
        index.publish(removed=(a,))
        version = index.publish(a)
        fast = ShardedChange(
            shard=Shard("fast", 2), merged=("r1", version.shards[-1].name), base=version.number
        )
        index.put(fast)
        merge = ShardedChange(shard=Shard("slow", 1), merged=("r2",), base=slow.number)
        merged = index.put(merge)
        assert dict(merged.removed) == {"slow": frozenset(ids(a))}
