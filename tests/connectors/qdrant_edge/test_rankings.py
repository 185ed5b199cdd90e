"""The best of what is readable and alive is found, whatever else lies in the shards."""

from __future__ import annotations

import numpy as np
import pytest
from qdrant_edge import Query, QueryBatchRequest, QueryRequest, SearchParams

from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import shards
from connectors.qdrant_edge.points import DENSE, allowed
from connectors.qdrant_edge.reading import ShardReader
from orchestrator.ports import Lexical
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import dense, one
from orchestrator.testing.vectors import document
from orchestrator.types import ANONYMOUS, Principal
from tests.connectors.qdrant_edge.index import EdgeIndex

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("merged", [False, True])
async def test_what_is_removed_does_not_crowd_out_what_is_left(edge: EdgeIndex, merged: bool) -> None:
    best = [document(f"best{n}", "otter otter") for n in range(150)]
    rest = [document(f"rest{n}", f"otter owl w{n}") for n in range(4)]
    edge.publish(*best[:75], *rest[:2])
    edge.publish(*best[75:], *rest[2:])
    if merged:
        edge.merge()
    edge.publish(removed=tuple(best[2:]))
    store = edge.store()
    left = {passage.id for row in (*best[:2], *rest) for passage in row.passages}
    for search in (Lexical("otter"), dense("otter otter")):
        hits = await one(store, search, limit=5)
        assert len(hits) == 5
        assert set(hits.ids) < left
        assert set(hits.ids[:2]) == set(ids(*best[:2]))


async def test_equal_scores_in_several_shards_are_ordered_by_id(edge: EdgeIndex) -> None:
    rows = [document(f"d{n}", "otter") for n in range(90)]
    for start in range(0, 90, 30):
        edge.publish(*rows[start : start + 30])
    edge.publish(removed=tuple(rows[::2]))
    store = edge.store()
    alive = sorted(ids(*rows[1::2]))
    for search in (Lexical("otter"), dense("otter")):
        assert list((await one(store, search, limit=7)).ids) == alive[:7]


async def test_a_graph_is_whole_for_a_reader_of_a_part(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors lie close together in sixties, and one in nine is readable."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(50, 16)).repeat(60, axis=0)
    vectors = np.asarray(centres + 0.05 * generator.normal(size=centres.shape), np.float32)
    rows = [
        document(f"d{n}", f"w{n}", labels=("public",) if n % 9 else ("staff",)) for n in range(len(vectors))
    ]
    monkeypatch.setattr(shards, "GRAPH_FROM", 100)
    monkeypatch.setattr(shards, "SCAN_UP_TO", 100)
    edge.writer.build("default", "graph", rows, vectors, Bm25Encoder().passages(["w"] * len(vectors)))
    reader = ShardReader(edge.folder / "default" / "graph")
    staff = list(range(0, len(vectors), 9))
    shares: list[float] = []
    for asked in vectors[::60]:
        query = QueryRequest(
            limit=10,
            query=Query.Nearest(asked.tolist(), using=DENSE),
            filter=allowed(Principal(grants=frozenset({"staff"})), ()),
            params=SearchParams(hnsw_ef=32),
        )
        (points,) = reader.edge.query_batch(QueryBatchRequest([query]))
        cosines = vectors[staff] @ asked / np.linalg.norm(vectors[staff], axis=1)
        nearest = {rows[staff[n]].passages[0].id for n in np.argsort(-cosines)[:10]}
        shares.append(len(nearest & {str(point.id) for point in points}) / 10)
    reader.close()
    assert np.mean(shares) > 0.9


async def test_what_nobody_granted_is_not_found_by_its_graph(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GRAPH_FROM", 10)
    monkeypatch.setattr(shards, "SCAN_UP_TO", 10)
    rows = [document(f"d{n}", f"w{n % 40}", labels=("public",) if n % 3 else ("staff",)) for n in range(300)]
    edge.publish(*rows)
    hits = await one(edge.store(), dense("w3"), principal=ANONYMOUS, limit=100)
    assert len(hits) == 100
    assert not set(hits.ids) & set(ids(*rows[::3]))


async def test_weighted_terms_are_read_in_the_language_of_their_query(edge: EdgeIndex) -> None:
    rows = [
        document(
            "costs",
            "Die Erstattung der Reisekosten ist nicht an den Urlaub gebunden, und sie wird bald gezahlt.",
        ),
        document(
            "leave", "Der Urlaub ist in den ersten Wochen des Jahres nicht zu nehmen, und er wird gestrichen."
        ),
    ]
    edge.publish(*rows)
    weighted = Lexical("Wie hoch ist die Erstattung?", terms=(("Erstattungen", 1.0), ("Reisekosten", 2.0)))
    assert list((await one(edge.store(), weighted)).ids) == ids(rows[0])
