"""Token vectors in shards: the port's promises, and that they survive a merge and new labels."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import IndexMismatch
from orchestrator.ports import Dense, Lexical, VectorStore
from orchestrator.testing.late_interaction import LateInteractionConformance, late
from orchestrator.testing.vectors import direction, document
from orchestrator.types import ANONYMOUS, Principal
from tests.connectors.qdrant_edge.index import LATE, EdgeIndex

pytestmark = pytest.mark.slow


@pytest.fixture
def index(tmp_path: Path) -> Generator[EdgeIndex]:
    """An empty index that keeps token vectors."""
    made = EdgeIndex(tmp_path / "late", LATE)
    yield made
    made.close()


class TestEdgeLateInteraction(LateInteractionConformance):
    @pytest.fixture
    def index(self, index: EdgeIndex) -> EdgeIndex:  # type: ignore[override]
        return index

    @pytest.fixture
    def store(self, index: EdgeIndex) -> VectorStore:  # type: ignore[override]
        return index.store()


async def test_all_kinds_of_searches_go_in_one_call(index: EdgeIndex) -> None:
    row = document("a", "otter river", "badger sett")
    index.publish(row)
    found = await index.store().search(
        [Lexical("badger"), Dense(direction("badger")), late("badger"), late("badger", first=5)],
        principal=ANONYMOUS,
        limit=1,
    )
    assert [hits.ids for hits in found] == [(row.passages[1].id,)] * 4


async def test_token_vectors_survive_merges_and_new_labels(index: EdgeIndex) -> None:
    rows = [document(f"d{n}", f"otter w{n}", f"owl w{n}") for n in range(30)]
    for row in rows:
        index.publish(row)
    store = index.store()
    searches = [late("otter w7"), late("otter w7", first=70)]
    before = await store.search(searches, principal=ANONYMOUS, limit=5)
    index.merge()
    assert await store.search(searches, principal=ANONYMOUS, limit=5) == before
    index.relabel(replace(rows[7], labels=("staff",)))
    (after, _) = await store.search(searches, principal=ANONYMOUS, limit=5)
    assert not {p.id for p in rows[7].passages} & set(after.ids)
    staff = Principal(grants=frozenset({"staff"}), name="sam")
    (theirs, _) = await store.search(searches, principal=staff, limit=5)
    assert theirs.hits[0] == before[0].hits[0]


async def test_the_dead_take_no_place_in_the_first_stage(index: EdgeIndex) -> None:
    rows = [document(f"d{n:02}", f"otter fish n{n}") for n in range(30)]
    index.publish(*rows)
    index.publish(*(document(f"d{n:02}", "owl night") for n in range(25)))
    (hits,) = await index.store().search([late("otter fish", first=1)], principal=ANONYMOUS, limit=5)
    assert set(hits.ids) == {row.passages[0].id for row in rows[25:]}


async def test_an_index_without_token_vectors_says_so(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    with pytest.raises(IndexMismatch, match="keeps no token vectors") as caught:
        await edge.store().search([late("otter")], principal=ANONYMOUS)
    assert "late_interaction = true" in caught.value.hint
    with pytest.raises(IndexMismatch):
        await edge.store(LATE).search([Dense(direction("otter"))], principal=ANONYMOUS)


def test_an_index_without_token_vectors_has_no_fields_for_them(edge: EdgeIndex, index: EdgeIndex) -> None:
    row = document("a", "otter " * 50)
    for each, expected in ((edge, False), (index, True)):
        each.publish(row)
        shard = each.folder / "default" / each.version.shards[0].name
        assert ('"tokens"' in (shard / "edge_config.json").read_text()) is expected


def test_matrices_come_back_from_the_spool_as_they_went_in() -> None:
    from orchestrator.indexing.token_buffer import TokenBuffer

    random = np.random.default_rng(1)
    matrices = [random.standard_normal((size, 4)).astype(np.float32) for size in (3, 1, 7)]
    token_buffer = TokenBuffer(4)
    token_buffer.extend(matrices[:1])
    token_buffer.extend(matrices[1:])
    assert len(token_buffer) == 3
    for row, matrix in enumerate(matrices):
        assert token_buffer[row] == pytest.approx(matrix, abs=2e-3)
    token_buffer.keep([True, False, True])
    assert [len(matrix) for matrix in token_buffer] == [3, 7]
    assert token_buffer[-1] == pytest.approx(matrices[2], abs=2e-3)
    token_buffer.close()
