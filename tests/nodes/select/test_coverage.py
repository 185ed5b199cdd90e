"""Choosing for coverage follows its definition, and neither loses nor invents a passage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Hits, Question, node, workflow
from orchestrator.nodes import Cover
from orchestrator.nodes.select.coverage import covering, matrix
from orchestrator.types import ANONYMOUS, Coverage, Hit

SHARES = st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=3, max_size=3), max_size=7)


def by_definition(shares: list[list[float]], limit: int, *, reset: bool) -> list[int]:
    """RichRAG's greedy choice, written down without vectors."""
    left, chosen = list(range(len(shares))), list[int]()
    cover, attainable = [0.0] * 3, [max((row[a] for row in shares), default=0.0) for a in range(3)]
    while left and len(chosen) < limit:
        missing = [1 - one for one in cover]
        weights = [one / sum(missing) for one in missing] if sum(missing) else [1 / 3] * 3
        values = {row: sum(w * c for w, c in zip(weights, shares[row], strict=True)) for row in left}
        best = max(left, key=lambda row: (round(values[row], 12), -row))
        left.remove(best)
        chosen.append(best)
        cover = [max(pair) for pair in zip(cover, shares[best], strict=True)]
        if reset and all(one >= most for one, most in zip(cover, attainable, strict=True)):
            cover, attainable = (
                [0.0] * 3,
                [max((shares[row][a] for row in left), default=0.0) for a in range(3)],
            )
    return chosen


@given(SHARES, st.integers(1, 8), st.booleans())
def test_the_choice_is_the_published_one(shares: list[list[float]], limit: int, reset: bool) -> None:
    found = covering(np.array(shares).reshape(-1, 3), limit=limit, reset=reset)
    wanted = by_definition(shares, limit, reset=reset)
    # Sums in another order may differ in the last digit, so equal values may be taken in another order.
    assert [sorted(shares[row]) for row in found] == [
        sorted(shares[row]) for row in wanted
    ] or found == wanted


# Three passages of one aspect, two of another, and one of a third.
CASE = np.array([[1.0, 0, 0], [0.9, 0, 0], [0.8, 0, 0], [0, 1.0, 0], [0, 0.5, 0], [0, 0, 1.0]])


def test_each_aspect_is_answered_once_before_any_is_answered_twice() -> None:
    assert covering(CASE, limit=3) == [0, 3, 5]


def test_after_a_reset_the_second_best_of_each_aspect_come_next() -> None:
    assert covering(CASE, limit=6) == [0, 3, 5, 1, 4, 2]


def test_without_a_reset_aspects_weigh_alike_once_all_are_covered() -> None:
    assert covering(CASE, limit=6, reset=False) == [0, 3, 5, 1, 2, 4]


def test_relevance_keeps_the_order_of_the_question_itself() -> None:
    first = np.array([[0.2, 1.0], [0.9, 0.1], [0.5, 0.4]])
    assert covering(first, limit=3, relevance=1.0) == [1, 2, 0]
    assert covering(first, limit=3)[0] == 0


def coverage_of(shares: list[list[float]]) -> Coverage:
    return Coverage(
        ("a", "b", "c"),
        tuple(f"p{row}" for row in range(len(shares))),
        tuple(tuple((a, one) for a, one in enumerate(row) if one) for row in shares),
    )


@given(SHARES, st.integers(1, 9), st.integers(1, 9))
def test_a_coverage_is_read_back_as_it_was(shares: list[list[float]], k: int, keep: int) -> None:
    assert np.array_equal(matrix(coverage_of(shares)), np.array(shares).reshape(-1, 3))


async def chosen(hits: Hits, coverage: Coverage, cover: Cover) -> Hits:
    @node
    async def found(question: Question) -> tuple[Coverage, Hits]:
        return coverage, hits

    return (await workflow("chosen", found >> cover).run(Question("?", ANONYMOUS), ports={})).output


async def test_what_is_not_chosen_follows_as_it_stood() -> None:
    hits = Hits(tuple(Hit(f"p{row}", 1.0 - row / 10, "bm25") for row in (2, 1, 0, 3, 4, 5)))
    output = await chosen(hits, coverage_of(CASE.tolist()), Cover(k=3))
    assert output.ids == ("p0", "p3", "p5", "p2", "p1", "p4")
    assert [hit.score for hit in output] == sorted((hit.score for hit in output), reverse=True)
    assert {hit.why for hit in output} == {"bm25"}


@pytest.mark.parametrize("keep", [1, 4, 50])
async def test_nothing_is_lost_or_invented(keep: int) -> None:
    # Coverage of passages that a node in between took out, and hits that no aspect found.
    hits = Hits(tuple(Hit(name, 1.0) for name in ("p1", "p4", "stranger")))
    output = await chosen(hits, coverage_of(CASE.tolist()), Cover(keep=keep))
    assert set(output.ids) <= {"p1", "p4", "stranger"}
    assert len(output) == min(keep, 3)


async def test_without_aspects_the_order_stands() -> None:
    hits = Hits((Hit("x", 2.0), Hit("y", 1.0)))
    assert await chosen(hits, Coverage(), Cover()) == hits
