"""Random histories of an index against a model of what its shards hold."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from orchestrator.ports import DocumentRow, Shard, ShardedChange, ShardedVersion
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import ShardPublisher, frequencies
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import Principal

pytestmark = pytest.mark.slow

NAMES = st.sampled_from("abcd")
TEXTS = st.lists(st.sampled_from(["w1", "w2 w3", "w1 w3 w3", "w4"]), max_size=3)
LABELS = st.sampled_from([("public",), ("staff",), ("public", "staff")])
TENANTS = st.sampled_from(["red", "blue"])
ROWS = st.builds(
    lambda name, texts, labels, tenant: document(
        name, *texts, labels=labels, tenant=tenant, root=f"/{tenant}"
    ),
    NAMES,
    TEXTS,
    LABELS,
    TENANTS,
)


class Histories(RuleBasedStateMachine):
    """What is alive is in exactly one shard where it is not dead; statistics count what is alive."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.clock = ManualClock()
        self.database = open_database(Path(self.folder.name) / "state.db")
        self.registry = SqlIndexRegistry(self.database, self.clock)
        self.registry.create("default", FORMAT)
        held = SqlShardRegistry(self.database, self.clock)
        self.index = ShardPublisher(self.registry, held, SqlLedger(self.database, self.clock))
        self.names = count(1)
        self.held: dict[str, set[str]] = {}
        self.alive: dict[str, DocumentRow] = {}
        self.merge: tuple[ShardedVersion, tuple[str, ...], set[str]] | None = None

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    def publish(self, change: ShardedChange) -> None:
        self.index.put(change)

    @rule(rows=st.lists(ROWS, max_size=3, unique_by=lambda row: row.id))
    def replace(self, rows: list[DocumentRow]) -> None:
        change = self.index.change(*rows)
        if change.shard is not None:
            self.held[change.shard.name] = set(ids(*rows))
        self.publish(change)
        self.alive.update({row.id: row for row in rows})

    @rule(row=ROWS)
    def remove(self, row: DocumentRow) -> None:
        self.publish(self.index.change(removed=(row,)))
        self.alive.pop(row.id, None)

    @rule(labels=LABELS, tenant=TENANTS)
    def relabel(self, labels: tuple[str, ...], tenant: str) -> None:
        self.registry.relabel("default", f"/{tenant}", labels)
        for row in self.alive.values():
            if row.tenant == tenant:
                self.alive[row.id] = replace(row, labels=labels)

    @precondition(lambda self: self.merge is None and len(self.index.version.shards) > 1)
    @rule(data=st.data())
    def begin_merge(self, data: st.DataObject) -> None:
        version = self.index.version
        names = st.sampled_from([shard.name for shard in version.shards])
        chosen = tuple(data.draw(st.lists(names, min_size=1, max_size=3, unique=True)))
        held = {passage for name in chosen for passage in self.held[name] - version.removed.get(name, set())}
        self.merge = version, chosen, held

    @precondition(lambda self: self.merge is not None)
    @rule(told=st.booleans())
    def end_merge(self, told: bool) -> None:
        assert self.merge is not None
        base, chosen, held = self.merge
        self.merge = None
        shard = Shard(f"merged-{next(self.names)}", len(held)) if held else None
        self.publish(ShardedChange(shard=shard, merged=chosen, base=base.number if told else None))
        if shard is not None:
            self.held[shard.name] = held

    @precondition(lambda self: self.merge is None)
    @rule(parts=st.integers(1, 3))
    def rebuild(self, parts: int) -> None:
        version = self.index.version
        everything = sorted(ids(*self.alive.values()))
        shards = [
            (Shard(f"rebuilt-{next(self.names)}", len(part)), set(part))
            for number in range(parts)
            if (part := everything[number::parts])
        ]
        self.publish(
            ShardedChange(format=FORMAT, shards=tuple(shard for shard, _ in shards), base=version.number)
        )
        self.held.update({shard.name: part for shard, part in shards})

    @rule(seconds=st.sampled_from([1, 20]))
    def collect(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.registry.collect(grace_seconds=10)

    @invariant()
    def what_is_alive_is_in_one_shard(self) -> None:
        version = self.index.version
        visible = [
            passage
            for shard in version.shards
            for passage in self.held[shard.name] - version.removed.get(shard.name, set())
        ]
        assert sorted(visible) == sorted(ids(*self.alive.values()))
        assert version.removed.keys() <= {shard.name for shard in version.shards}

    @invariant()
    def what_is_stored_is_what_is_alive(self) -> None:
        version = self.index.version
        rows = self.registry.documents("default")
        assert rows == [self.alive[row] for row in sorted(self.alive)]
        assert version.documents == len(rows)
        assert version.passages == len(ids(*rows))

    @invariant()
    def statistics_count_what_is_alive(self) -> None:
        version = self.index.version
        every = ((), ("public",), ("staff",), ("public", "staff"))
        for tenant, grants in product(("red", "blue"), every):
            reader = Principal(tenant=tenant, grants=frozenset(grants))
            mine = [row for row in self.alive.values() if row.tenant == tenant]
            rows = [row for row in mine if not reader.grants.isdisjoint(row.labels)]
            found = self.registry.statistics(version, reader)
            assert (found.passages, dict(found.frequency)) == (len(ids(*rows)), frequencies(*rows))


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
