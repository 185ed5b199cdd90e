"""What a `VectorStore` must find by late interaction, where its index keeps token vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import BadInput
from orchestrator.ports import Late, VectorStore
from orchestrator.ranking.late_interaction import max_sim
from orchestrator.testing.vector_store import RED, STAFF, Fillable
from orchestrator.testing.vectors import DIMENSIONS, direction, document
from orchestrator.types import ANONYMOUS, NOBODY, Filter, Hits, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def directions(text: str) -> NDArray[np.float32]:
    """A matrix of a text: the direction of each of its words."""
    import numpy as np

    return np.stack([direction(word) for word in text.split() or ["nothing"]])


def late(text: str, *, first: int | None = None) -> Late:
    """The search for a text."""
    return Late(directions(text), first)


@pytest.mark.asyncio
class LateInteractionConformance:
    """Subclass it with fixtures `index`, which keeps the `directions` of each passage, and `store`."""

    @pytest.fixture
    def index(self) -> Fillable:
        """What fills the store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, index: Fillable) -> VectorStore:
        """The store under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("first", [None, 50])
    async def test_scores_are_max_sim(self, index: Fillable, store: VectorStore, first: int | None) -> None:
        row = document("a", "otter river fish", "otter", "badger sett wood", "owl night", "fish river sea")
        index.publish(row)
        (hits,) = await _found(store, [late("otter fish", first=first)], limit=5)
        scores = max_sim(directions("otter fish"), [directions(p.text) for p in row.passages])
        expected = {p.id: float(score) for p, score in zip(row.passages, scores, strict=True)}
        assert sorted(hits.ids) == sorted(expected)
        assert hits.ids[0] == max(expected, key=lambda one: expected[one])
        # Stores may keep half precision.
        assert [hit.score for hit in hits] == pytest.approx([expected[one] for one in hits.ids], abs=2e-3)

    async def test_only_what_may_be_read_takes_a_place(self, index: Fillable, store: VectorStore) -> None:
        secret = [document(f"s{n}", "otter fish", labels=("staff",)) for n in range(8)]
        index.publish(*secret, document("p", "otter badger"))
        for search in (late("otter fish"), late("otter fish", first=2)):
            (mine,) = await _found(store, [search], limit=3)
            assert len(mine) == 1
            (theirs,) = await _found(store, [search], limit=20, principal=STAFF)
            assert len(theirs) >= (9 if search.first is None else 3)
            for nobody in (NOBODY, RED):
                assert await _found(store, [search], principal=nobody) == [Hits()]

    async def test_filters_are_part_of_both_stages(self, index: Fillable, store: VectorStore) -> None:
        rows = [document(f"d{n}", "otter fish", metadata={"year": n}) for n in range(6)]
        index.publish(*rows)
        wanted = (Filter("year", (5,)),)
        (hits,) = await store.search([late("otter", first=1)], principal=ANONYMOUS, filters=wanted, limit=1)
        assert hits.ids == tuple(p.id for p in rows[5].passages)

    async def test_a_replaced_passage_is_not_found(self, index: Fillable, store: VectorStore) -> None:
        index.publish(document("a", "otter fish"), document("b", "badger wood"))
        index.publish(document("a", "owl night"))
        (hits,) = await _found(store, [late("otter fish", first=1)], limit=5)
        assert hits.hits[0].score < 0.99

    async def test_vectors_that_do_not_fit_are_refused(self, index: Fillable, store: VectorStore) -> None:
        import numpy as np

        index.publish(document("a", "otter"))
        for wrong in (
            np.ones((2, DIMENSIONS + 1), np.float32),
            np.full((2, DIMENSIONS), np.nan, np.float32),
            np.ones(DIMENSIONS, np.float32),
        ):
            with pytest.raises(BadInput, match="token vectors"):
                await _found(store, [Late(wrong)])
        nothing = np.zeros((2, DIMENSIONS), np.float32)
        assert await _found(store, [Late(nothing)]) == [Hits()]


async def _found(
    store: VectorStore, searches: Sequence[Late], *, limit: int = 10, principal: Principal = ANONYMOUS
) -> list[Hits]:
    return await store.search(searches, principal=principal, limit=limit)
