from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from connectors.sql import Database, SqlIndexRegistry, SqlKnowledge, SqlLedger, open_database
from connectors.sql.tables import extractions
from orchestrator.errors import BadInput
from orchestrator.ports import DocumentRow, Extraction, Import, KnowledgeStore
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.knowledge_store import KnowledgeStoreConformance, eid, said
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.text.entity_names import folded
from orchestrator.types import Principal


class TestSqlKnowledge(KnowledgeStoreConformance):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def registry(self, database: Database, clock: ManualClock) -> SqlIndexRegistry:
        return SqlIndexRegistry(database, clock)

    @pytest.fixture
    def index(self, database: Database, registry: SqlIndexRegistry, clock: ManualClock) -> Publisher:
        registry.create("default", FORMAT)
        return Publisher(registry, SqlLedger(database, clock))

    @pytest.fixture
    def store(self, index: Publisher, database: Database, clock: ManualClock) -> KnowledgeStore:
        return SqlKnowledge(database, "default", clock)

    async def test_extractions_are_collected_with_their_passages(
        self,
        index: Publisher,
        store: KnowledgeStore,
        registry: SqlIndexRegistry,
        database: Database,
        clock: ManualClock,
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        await store.put({}, extractions=[Extraction(ids(a)[0], "c", "k", "secret")])
        index.publish(document("a", "another"))
        clock.advance(100.0)
        registry.collect(grace_seconds=1.0)
        with database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(extractions)).scalar() == 0


# -- what one may not read changes nothing ----------------------------------------------------------

LABELS = ("public", "staff")
PLACES = [(tenant, label) for tenant in ("default", "acme") for label in LABELS]
NAMES = ("Otter", "otter", "OTTER", "Krill", "Sea", "About d1")


@dataclass(frozen=True)
class World:
    """Documents by their places and what they say, imports, and merges of entities."""

    documents: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    imports: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    merges: tuple[tuple[int, int], ...]

    def as_read_by(self, tenant: str, label: str | None) -> World:
        """Without what a reader may not read; the rest keeps its number."""

        def mine(place: int) -> bool:
            return PLACES[place][0] == tenant and label in (None, PLACES[place][1])

        return replace(
            self,
            documents=tuple((p, each if mine(p) else ()) for p, each in self.documents),
            imports=tuple((p, each if mine(p) else ()) for p, each in self.imports),
        )


pairs = st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, len(NAMES) - 1)), max_size=3).map(
    tuple
)
worlds = st.builds(
    World,
    st.lists(st.tuples(st.integers(0, 3), pairs), min_size=1, max_size=4).map(tuple),
    st.lists(st.tuples(st.integers(0, 3), pairs), max_size=2).map(tuple),
    st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, len(NAMES) - 1)), max_size=3).map(
        tuple
    ),
)


async def built(world: World, path: Path, reader: Principal) -> list[object]:
    """All that a reader can learn from a graph."""
    database = open_database(path)
    registry = SqlIndexRegistry(database)
    registry.create("default", FORMAT)
    index = Publisher(registry, SqlLedger(database, ManualClock()))
    store = SqlKnowledge(database, "default", ManualClock())
    there: list[DocumentRow] = []
    for number, (place, triples) in enumerate(world.documents):
        tenant, label = PLACES[place]
        row = document(f"d{number}", f"text {number}", tenant=tenant, labels=(label,))
        there.append(row)
        if triples:
            index.publish(row)
            await store.put({ids(row)[0]: said(*((NAMES[a], "likes", NAMES[b]) for a, b in triples))})
    for number, (place, triples) in enumerate(world.imports):
        tenant, label = PLACES[place]
        if triples:
            statements = said(*((NAMES[a], "eats", NAMES[b]) for a, b in triples))
            await store.put_import(Import(f"import {number}", tenant, (label,)), statements)
    for tenant in ("default", "acme"):
        everyone = Principal(tenant, frozenset(LABELS), "admin")
        for a, b in world.merges:
            try:
                await store.edit("merge", [eid(NAMES[a], tenant), eid(NAMES[b], tenant)], principal=everyone)
            except BadInput:
                continue
    lookups = [folded(one) for one in NAMES]
    entities = [eid(one, tenant) for one in NAMES for tenant in ("default", "acme")]
    learned: list[object] = [
        await store.named(lookups, principal=reader),
        await store.entities(entities, principal=reader),
        [await store.facts(one, principal=reader) for one in entities],
        await store.passages(entities, principal=reader),
        await store.passages(entities, principal=reader, most=1),
        await store.said([one for document in there for one in ids(document)], principal=reader),
        dict((await store.vocabulary(principal=reader)).names),
        await store.counts(principal=reader),
        list(store.export(principal=reader)),
        await store.imports(principal=reader),
    ]
    database.close()
    return learned


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, tenant=st.sampled_from(["default", "acme"]), label=st.sampled_from([None, *LABELS]))
def test_a_reader_learns_what_a_graph_without_the_rest_would_tell(
    world: World, tenant: str, label: str | None
) -> None:
    grants = frozenset(LABELS if label is None else [label])
    reader = Principal(tenant, grants, "reader")
    with TemporaryDirectory() as folder:
        whole = asyncio.run(built(world, Path(folder) / "whole.db", reader))
        alone = asyncio.run(built(world.as_read_by(tenant, label), Path(folder) / "alone.db", reader))
    assert whole == alone
