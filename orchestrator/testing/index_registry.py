"""What every `IndexRegistry` must do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import IndexBusy, IndexMismatch, LeaseLost, StoreError
from orchestrator.ports import (
    FileRow,
    IndexChange,
    IndexRegistry,
    Ledger,
    index_scope,
)
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher, file_of, frequencies
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import ANONYMOUS, Principal


class IndexRegistryConformance:
    """Subclass it with fixtures `registry` and `ledger` on one empty store that go by `clock`."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The time that both go by."""
        return ManualClock()

    @pytest.fixture
    def ledger(self, clock: ManualClock) -> Ledger:
        """The ledger whose jobs publish."""
        raise NotImplementedError

    @pytest.fixture
    def registry(self, clock: ManualClock) -> IndexRegistry:
        """The registry under test."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, registry: IndexRegistry, ledger: Ledger) -> Publisher:
        """An empty index."""
        registry.create("default", FORMAT)
        return Publisher(registry, ledger)

    # -- creating ------------------------------------------------------------------------------

    def test_an_index_that_was_never_made_has_no_version(self, registry: IndexRegistry) -> None:
        assert registry.current("default") is None
        assert registry.indexes() == []
        assert registry.files("default") == []
        assert registry.documents("default") == []

    def test_what_is_seen_is_current_or_unknown(self, index: Publisher) -> None:
        assert index.registry.seen("other") is None
        for name in ("a", "b"):
            version = index.publish(document(name, "w1"))
            assert index.registry.seen("default") in (None, version)
            assert index.registry.current("default") == version
            assert index.registry.seen("default") in (None, version)

    def test_creating_an_index_twice_gives_what_is_there(self, index: Publisher) -> None:
        version = index.publish(document("a", "w1"))
        assert index.registry.create("default", FORMAT) == version

    def test_another_format_is_refused(self, index: Publisher) -> None:
        for other in (
            replace(FORMAT, embedder="embedder-b"),
            replace(FORMAT, dimensions=16),
            replace(FORMAT, sparse="sparse-b"),
            replace(FORMAT, version=2),
        ):
            with pytest.raises(IndexMismatch, match="embedder-a"):
                index.registry.create("default", other)
        assert index.registry.current("default") == index.registry.create("default", FORMAT)

    def test_indexes_are_apart(self, index: Publisher, ledger: Ledger) -> None:
        index.registry.create("other", FORMAT)
        other = Publisher(index.registry, ledger, "other")
        index.publish(document("a", "w1"))
        other.publish(document("b", "w2"), document("c", "w2"))
        assert [(found.index, found.documents) for found in index.registry.indexes()] == [
            ("default", 1),
            ("other", 2),
        ]
        assert [row.document for row in index.registry.documents("default")] == ["a"]

    # -- publishing ----------------------------------------------------------------------------

    def test_a_published_version_is_the_current_one(self, index: Publisher) -> None:
        before = index.registry.current("default")
        first = index.publish(document("a", "w1", "w2"), document("b", "w2"))
        assert before is not None
        assert first.number > before.number
        assert (first.documents, first.passages) == (2, 3)
        assert index.registry.current("default") == first
        second = index.publish(document("c", "w3"))
        assert second.number > first.number
        assert index.registry.current("default") == second

    def test_publishing_finishes_the_job_with_its_effects(self, index: Publisher) -> None:
        job = index.job()
        version = index.registry.publish(job, "default", index.change(document("a", "w1")))
        (done,) = index.ledger.jobs()
        assert done.state == "done"
        assert done.effects is not None
        assert done.effects["version"] == version.number

    def test_a_job_that_was_taken_over_publishes_nothing(self, index: Publisher, clock: ManualClock) -> None:
        stale = index.job(seconds=10)
        clock.advance(11)
        current = index.ledger.claim("other", seconds=10)
        assert current is not None
        before = index.registry.current("default")
        with pytest.raises(LeaseLost):
            index.registry.publish(stale, "default", index.change(document("a", "w1")))
        assert index.registry.current("default") == before
        assert index.registry.documents("default") == []
        assert index.registry.files("default") == []
        index.registry.publish(current, "default", index.change(document("a", "w2")))
        assert [row.document for row in index.registry.documents("default")] == ["a"]

    def test_a_job_publishes_once(self, index: Publisher) -> None:
        job = index.job()
        first = index.registry.publish(job, "default", index.change(document("a", "w1")))
        with pytest.raises(LeaseLost):
            index.registry.publish(job, "default", index.change(document("b", "w1")))
        assert index.registry.current("default") == first

    def test_a_change_that_contradicts_itself_publishes_nothing(self, index: Publisher) -> None:
        a = document("a", "w1")
        before = index.registry.current("default")
        for change in (
            replace(index.change(a), removed_documents=(a.id,)),
            replace(index.change(a), documents=(a, a)),
            replace(index.change(a), format=FORMAT),
        ):
            job = index.job()
            with pytest.raises(StoreError):
                index.registry.publish(job, "default", change)
            assert [kept.state for kept in index.ledger.jobs() if kept.id == job.id] == ["running"]
        assert index.registry.current("default") == before
        assert index.registry.documents("default") == []

    def test_a_rebuild_changes_the_format_of_the_version_that_it_read(self, index: Publisher) -> None:
        a = document("a", "w1")
        base = index.publish(a)
        other = replace(FORMAT, embedder="embedder-b", dimensions=16)
        change = IndexChange(format=other, base=base.number, terms={ids(a)[0]: [7]})
        rebuilt = index.registry.publish(index.job(), "default", change)
        assert (rebuilt.format, rebuilt.documents, rebuilt.passages) == (other, 1, 1)
        assert index.registry.current("default") == index.registry.create("default", other) == rebuilt
        assert dict(index.registry.statistics(rebuilt, ANONYMOUS).frequency) == {7: 1}
        with pytest.raises(IndexBusy, match=f"from version {base.number} to {rebuilt.number}"):
            index.registry.publish(index.job(), "default", change)
        assert index.registry.current("default") == rebuilt

    def test_an_index_must_be_made_before_it_is_published_to(
        self, registry: IndexRegistry, ledger: Ledger
    ) -> None:
        with pytest.raises(StoreError, match="missing"):
            Publisher(registry, ledger, "missing").publish(document("a", "w1"))

    def test_an_empty_change_is_a_version_too(self, index: Publisher) -> None:
        version = index.publish()
        assert version.documents == 0

    # -- statistics ----------------------------------------------------------------------------

    def test_statistics_count_passages_not_occurrences(self, index: Publisher) -> None:
        version = index.publish(document("a", "w1 w1 w2", "w2"), document("b", "w2 w4000000000"))
        found = index.registry.statistics(version, ANONYMOUS)
        assert found.passages == 3
        assert dict(found.frequency) == {1: 1, 2: 3, 4_000_000_000: 1}
        assert found.frequency.get(3, 0) == 0
        assert found.frequency[2] == 3

    def test_statistics_forget_what_was_replaced_and_removed(self, index: Publisher) -> None:
        a, b = document("a", "w1 w2"), document("b", "w2 w3")
        index.publish(a, b)
        version = index.publish(document("a", "w2 w5"), removed=(b,))
        found = index.registry.statistics(version, ANONYMOUS)
        assert (found.passages, dict(found.frequency)) == (1, {2: 1, 5: 1})

    def test_a_tenant_has_its_own_statistics(self, index: Publisher) -> None:
        version = index.publish(
            document("a", "w1", tenant="red", root="/red"),
            document("a", "w1 w2", tenant="blue", root="/blue"),
        )
        red, blue, green = (replace(ANONYMOUS, tenant=tenant) for tenant in ("red", "blue", "green"))
        assert dict(index.registry.statistics(version, red).frequency) == {1: 1}
        assert dict(index.registry.statistics(version, blue).frequency) == {1: 1, 2: 1}
        none = index.registry.statistics(version, green)
        assert (none.passages, dict(none.frequency)) == (0, {})

    def test_statistics_count_what_a_reader_may_read(self, index: Publisher) -> None:
        both, staff, public = ("public", "staff"), ("staff",), ("public",)
        rows = [document("a", "w1"), document("b", "w1 w2", labels=both), document("c", "w2", labels=staff)]
        version = index.publish(*rows)
        expected: dict[tuple[str, ...], tuple[int, dict[int, int]]]
        expected = {public: (2, {1: 2, 2: 1}), staff: (2, {1: 1, 2: 2}), both: (3, {1: 2, 2: 2}), (): (0, {})}
        for grants, counted in expected.items():
            found = index.registry.statistics(version, Principal(grants=frozenset(grants)))
            assert (found.passages, dict(found.frequency)) == counted
        many = Principal(grants=frozenset(("staff", *(f"group {n}" for n in range(3000)))))
        assert dict(index.registry.statistics(version, many).frequency) == {1: 1, 2: 2}

    def test_what_may_not_be_read_changes_no_statistics(self, index: Publisher) -> None:
        secret = document("b", "w1 w2", "w3", labels=("staff",))
        index.publish(document("a", "w1"))
        for change in (
            lambda: index.publish(secret),
            lambda: index.publish(document("b", "w1 w4", labels=("staff", "board"))),
            lambda: index.publish(document("b", "w5", labels=("board",))),
            lambda: index.publish(removed=(secret,)),
        ):
            found = index.registry.statistics(change(), ANONYMOUS)
            assert (found.passages, dict(found.frequency)) == (1, {1: 1})

    def test_statistics_follow_labels(self, index: Publisher) -> None:
        index.publish(document("a", "w1", "w2"), document("b", "w1", labels=("staff",)))
        staff = Principal(grants=frozenset({"staff"}))
        for labels, public, inside in (
            (("staff",), {}, {1: 2, 2: 1}),
            (("public", "staff"), {1: 2, 2: 1}, {1: 2, 2: 1}),
            (("public",), {1: 2, 2: 1}, {}),
        ):
            index.registry.relabel("default", "/library", labels)
            version = index.registry.current("default")
            assert version is not None
            assert dict(index.registry.statistics(version, ANONYMOUS).frequency) == public
            assert dict(index.registry.statistics(version, staff).frequency) == inside
            assert index.registry.verify("default") == []

    def test_statistics_belong_to_their_version(self, index: Publisher) -> None:
        first = index.publish(document("a", "w1"))
        second = index.publish(document("b", "w1 w2"))
        assert dict(index.registry.statistics(first, ANONYMOUS).frequency) == {1: 1}
        assert dict(index.registry.statistics(second, ANONYMOUS).frequency) == {1: 2, 2: 1}

    # -- files and documents -------------------------------------------------------------------

    def test_files_are_replaced_and_removed_with_their_documents(self, index: Publisher) -> None:
        a, b = document("a", "w1"), document("b", "w2")
        index.publish(a, b)
        changed = document("a", "w3", "w4")
        index.publish(changed, removed=(b,))
        assert index.registry.files("default") == [file_of(changed)]

    def test_files_are_listed_by_root(self, index: Publisher) -> None:
        a, b = document("a", "w1", root="/one"), document("a", "w1", root="/two")
        broken = FileRow("/two", "broken.pdf", "h", 2**40, error="is encrypted")
        change = replace(index.change(a, b), files=(file_of(a), file_of(b), broken))
        index.registry.publish(index.job(), "default", change)
        assert index.registry.files("default", "/two") == [file_of(b), broken]
        assert index.registry.files("default") == [file_of(a), file_of(b), broken]
        assert index.registry.files("default", "/three") == []

    def test_hashes_of_documents_are_found_by_file(self, index: Publisher) -> None:
        a, b = document("a", "w1"), document("b", "w2")
        elsewhere = document("a", "w1", root="/other")
        index.publish(a, b, elsewhere)
        hashes = index.registry.document_hashes("default", "/library", ["a.txt", "missing.txt"])
        assert hashes == {a.id: a.hash}
        index.publish(removed=(a,))
        assert index.registry.document_hashes("default", "/library", ["a.txt", "b.txt"]) == {b.id: b.hash}
        assert index.registry.document_hashes("default", "/library", []) == {}

    def test_documents_come_back_as_they_were_stored(self, index: Publisher) -> None:
        row = document(
            "a",
            "w1 'quoted' ünïcode \n",
            "",
            labels=("staff", "public"),
            metadata={"year": 2020, "x'); DROP TABLE documents; --": True, "tags": ["a", "b"], "none": None},
        )
        index.publish(row)
        (found,) = index.registry.documents("default")
        assert found == replace(row, labels=("public", "staff"))

    def test_documents_are_read_in_pages(self, index: Publisher) -> None:
        rows = [document(f"d{number}", "w1") for number in range(7)]
        index.publish(*rows)
        pages: list[int] = []
        found: list[str] = []
        after = ""
        while page := index.registry.documents("default", after=after, limit=3):
            pages.append(len(page))
            found += [row.id for row in page]
            after = page[-1].id
        assert pages == [3, 3, 1]
        assert found == sorted(row.id for row in rows)
        some = index.registry.documents("default", root="/library", files=["d1.txt", "d5.txt", "no.txt"])
        assert {row.document for row in some} == {"d1", "d5"}
        assert index.registry.documents("default", root="/other") == []

    def test_labels_of_a_root_change_at_once(self, index: Publisher) -> None:
        here, there = document("a", "w1"), document("a", "w1", root="/other")
        before = index.publish(here, there)
        assert index.registry.relabel("default", "/library", ["staff", "board"]) == 1
        assert index.registry.relabel("default", "/library", ["board", "staff"]) == 0
        labels = {row.root: row.labels for row in index.registry.documents("default")}
        assert labels == {"/library": ("board", "staff"), "/other": ("public",)}
        assert [row.labels for row in index.registry.files("default", "/library")] == [("board", "staff")]
        after = index.registry.current("default")
        assert after is not None
        assert after.number > before.number

    def test_what_was_published_is_sound(self, index: Publisher) -> None:
        index.publish(document("a", "w1", "w2"), document("b", "w2"))
        assert index.registry.verify("default") == []
        index.publish(document("a", "w3"), removed=(document("b", "w2"),))
        assert index.registry.verify("default") == []
        index.registry.relabel("default", "/library", ["staff"])
        assert index.registry.verify("default") == []
        index.registry.drop("default")
        assert index.registry.verify("default") == []

    # -- leaving -------------------------------------------------------------------------------

    def test_a_dropped_index_is_gone_and_its_numbers_with_it(self, index: Publisher, ledger: Ledger) -> None:
        last = index.publish(document("a", "w1"))
        index.registry.drop("default")
        assert index.registry.current("default") is None
        assert index.registry.indexes() == []
        assert index.registry.documents("default") == []
        assert index.registry.files("default") == []
        assert ledger.jobs(scope=index_scope("default")) == []
        again = index.registry.create("default", replace(FORMAT, embedder="embedder-b"))
        assert again.number > last.number
        assert again.documents == 0
        assert dict(index.registry.statistics(again, ANONYMOUS).frequency) == {}
        index.registry.drop("never made")

    def test_a_job_whose_index_was_dropped_publishes_nothing(self, index: Publisher) -> None:
        job = index.job()
        index.registry.drop("default")
        index.registry.create("default", FORMAT)
        with pytest.raises(LeaseLost):
            index.registry.publish(job, "default", index.change(document("a", "w1")))
        assert index.registry.documents("default") == []

    def test_collection_changes_no_version(self, index: Publisher, clock: ManualClock) -> None:
        a, b = document("a", "w1", "w2"), document("b", "w2")
        index.publish(a, b)
        index.publish(document("a", "w3"))
        version = index.publish(removed=(b,))
        assert index.registry.collect(grace_seconds=10) == 0
        clock.advance(11)
        assert index.registry.collect(grace_seconds=10) == 3
        assert index.registry.collect(grace_seconds=10) == 0
        assert index.registry.current("default") == version
        assert [row.document for row in index.registry.documents("default")] == ["a"]
        again = index.publish(a, b)
        assert (again.documents, again.passages) == (2, 3)
        assert dict(index.registry.statistics(again, ANONYMOUS).frequency) == frequencies(a, b)
