"""Passages to documents: by the best passage, ties by id."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from orchestrator import ANONYMOUS
from orchestrator.errors import NodeError
from orchestrator.evaluation.ranking import DocumentRankings
from orchestrator.types import Hit, Hits, Passage, Principal


class Shelf:
    """Passages `document/number`; those of `secret` may not be read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        self.asked += ids
        assert principal is ANONYMOUS
        return {
            name: Passage(name, name.split("/")[0], "text")
            for name in ids
            if "/" in name and not name.startswith("secret")
        }


def hits(*pairs: tuple[str, float]) -> Hits:
    """A ranking of (id, score)."""
    return Hits(tuple(Hit(name, score) for name, score in pairs))


async def documents_of(rankings: DocumentRankings, found: Hits) -> tuple[Hits, int]:
    """The ranking of documents, looked up before."""
    await rankings.learn([found])
    return rankings.of(found)


async def test_a_document_ranks_where_its_best_passage_does() -> None:
    rankings = DocumentRankings(Shelf(), ANONYMOUS, {"a", "b"})
    found, unread = await documents_of(rankings, hits(("b/2", 0.9), ("a/1", 0.8), ("b/1", 0.7), ("a/2", 0.6)))
    assert found == hits(("b", 0.9), ("a", 0.8))
    assert unread == 0


async def test_documents_of_one_score_are_ordered_by_id_whatever_their_passages_are_called() -> None:
    rankings = DocumentRankings(Shelf(), ANONYMOUS, ())
    found, _ = await documents_of(
        rankings, hits(("z/1", 2.0), ("c/1", 1.0), ("a/2", 1.0), ("b/0", 1.0), ("y/1", 0.0))
    )
    assert found.ids == ("z", "a", "b", "c", "y")


async def test_an_order_that_is_not_by_score_stands() -> None:
    rankings = DocumentRankings(Shelf(), ANONYMOUS, ())
    found, _ = await documents_of(rankings, hits(("a/1", 0.2), ("b/1", 0.9), ("c/1", 0.5)))
    assert found.ids == ("a", "b", "c")


async def test_passages_without_a_readable_document_are_counted() -> None:
    rankings = DocumentRankings(Shelf(), ANONYMOUS, {"a"})
    found, unread = await documents_of(rankings, hits(("secret/1", 0.9), ("a/1", 0.8), ("unknown", 0.7)))
    assert found.ids == ("a",)
    assert unread == 2


async def test_a_node_may_rank_documents_itself() -> None:
    rankings = DocumentRankings(None, ANONYMOUS, {"a", "b"})
    found, unread = await documents_of(rankings, hits(("b", 0.9), ("a", 0.8), ("x", 0.7)))
    assert found.ids == ("b", "a")
    assert unread == 1


async def test_a_passage_is_looked_up_once() -> None:
    shelf = Shelf()
    rankings = DocumentRankings(shelf, ANONYMOUS, ())
    for _ in range(3):
        await documents_of(rankings, hits(("a/1", 1.0), ("b/1", 0.5)))
    assert shelf.asked == ["a/1", "b/1"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_a_score_that_is_no_number_is_a_failure_of_the_arm(value: float) -> None:
    rankings = DocumentRankings(Shelf(), ANONYMOUS, ())
    with pytest.raises(NodeError, match="finite"):
        await documents_of(rankings, hits(("a/1", value)))
