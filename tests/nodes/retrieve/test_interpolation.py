"""Contrast fusion: what stands out counts, and a ranking without contrast decides nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from statistics import fmean, pstdev
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Question, fuse, workflow
from orchestrator.application.application import Application
from orchestrator.errors import BadInput
from orchestrator.nodes import Interpolate, Retrieve, contrast
from orchestrator.nodes.retrieve.fusion import anchored_sum, highest_score
from orchestrator.nodes.retrieve.interpolation import contrast_sum
from orchestrator.ports import Embedder
from orchestrator.types import Hit, Hits, ranked
from tests.nodes.shelf import names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

_RANKING = st.dictionaries(
    st.sampled_from("abcdefghij"), st.floats(-5, 50, allow_nan=False).map(lambda x: round(x, 3)), max_size=10
).map(lambda scores: ranked([Hit(i, s, "leg") for i, s in scores.items()]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("contrast")) as application:
        yield application


def ranking(why: str, **scores: float) -> Hits:
    return ranked([Hit(one, score, why) for one, score in scores.items()])


async def test_a_score_counts_above_the_average_in_units_of_best_and_deviation() -> None:
    sparse = ranking("bm25", a=8.0, b=2.0)
    dense = ranking("dense", b=0.9, c=0.5)
    fused = {hit.id: hit.score for hit in contrast_sum((sparse, dense), (0.4, 0.6), pool=2)}
    # Both rankings are full, so that what they lack counts as their last.
    first, second = [8.0, 2.0, 2.0], [0.5, 0.9, 0.5]
    for place, one in enumerate("abc"):
        expected = 0.0
        for share, values in ((0.4, first), (0.6, second)):
            above = (values[place] - fmean(values)) / (max(values) ** 0.75 * pstdev(values) ** 0.25)
            expected += share * (above if above > 0 else 0.1 * above)
        assert fused[one] == pytest.approx(expected)


async def test_a_ranking_that_is_not_full_has_found_all_there_is() -> None:
    exact = ranking("bm25", a=2.0, b=1.99)
    vague = ranking("dense", **{chr(ord("c") + n): 0.30 - n / 1000 for n in range(8)}, a=0.29, b=0.28)
    assert contrast_sum((exact, vague), (0.4, 0.6), pool=10).ids[:2] == ("a", "b")


async def test_a_ranking_of_equal_scores_decides_nothing() -> None:
    flat = ranking("dense", a=0.5, b=0.5, c=0.5)
    clear = ranking("bm25", c=3.0, b=2.0, a=1.0)
    assert contrast_sum((clear, flat)).ids == ("c", "b", "a")
    assert contrast_sum((flat, clear)).ids == ("c", "b", "a")


@given(st.lists(_RANKING, min_size=1, max_size=3), st.data())
async def test_the_order_of_the_rankings_changes_nothing(rankings: list[Hits], data: st.DataObject) -> None:
    weights = data.draw(
        st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=len(rankings), max_size=len(rankings))
    )
    order = data.draw(st.permutations(range(len(rankings))))
    fused = contrast_sum(rankings, weights)
    assert fused == contrast_sum([rankings[i] for i in order], [weights[i] for i in order])
    kept = {hit.id for hits, weight in zip(rankings, weights, strict=True) for hit in hits if weight}
    assert sorted(fused.ids) == sorted(kept)


async def test_weights_must_fit_the_branches() -> None:
    with pytest.raises(BadInput, match="3 weights for 2 rankings"):
        contrast_sum((Hits(), Hits()), (1.0, 1.0, 1.0))


async def test_the_highest_score_is_kept() -> None:
    fused = highest_score((ranking("a", x=0.9, y=0.2), ranking("b", y=0.8, z=0.1)), (1.0, 0.5))
    assert [(hit.id, hit.score, hit.why) for hit in fused] == [
        ("x", 0.9, "a"),
        ("y", 0.4, "a+b"),
        ("z", 0.05, "b"),
    ]


@pytest.mark.slow
async def test_fused_branches_name_their_legs(app: Application) -> None:
    legs = Retrieve(mode="bm25") | Retrieve(mode="dense")
    result = await workflow("both", fuse(legs, by=contrast(weights=(0.4, 0.6)))).run(
        Question("What do whales eat?", ANONYMOUS), ports=app.ports()
    )
    assert (await names(app, result.output))[0] == "whales"
    assert result.output.hits[0].why == "bm25+dense"


class Contextual:
    """The embedder of the index, without saying that it is static."""

    def __init__(self, inner: Any) -> None:
        self.name, self.dimensions, self.embed = inner.name, inner.dimensions, inner.embed


LEGS = Retrieve(mode="bm25").writing("sparse") >> Retrieve(mode="dense").writing("dense")


async def test_the_channels_are_fused_by_contrast(app: Application) -> None:
    ports = {**app.ports(), Embedder: Contextual(app.container.get(Embedder))}
    asked = Question("What do whales eat?", ANONYMOUS)
    result = await workflow("both", LEGS >> Interpolate(sparse=0.3), outputs=(Hits,)).run(asked, ports=ports)
    legs = result.get(Hits, "sparse"), result.get(Hits, "dense")
    assert legs[0]
    assert legs[1]
    assert result.output == contrast_sum((legs[0], legs[1]), (0.3, 0.7))
    best = await workflow("best", LEGS >> Interpolate(k=1)).run(asked, ports=ports)
    assert len(best.output) == 1


async def test_beside_a_static_embedder_the_sparse_ranking_is_the_anchor(app: Application) -> None:
    asked = Question("What do whales eat?", ANONYMOUS)
    result = await workflow("both", LEGS >> Interpolate(), outputs=(Hits,)).run(asked, ports=app.ports())
    sparse, dense = result.get(Hits, "sparse"), result.get(Hits, "dense")
    assert sparse
    assert dense
    assert result.output == anchored_sum(sparse, dense, (1.0, 4.0), power=4.0)
