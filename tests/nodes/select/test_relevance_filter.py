"""The relevance filter: what it keeps, what it refuses, and that it never looks past access."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import BadInput, IndexMismatch, NodeError, OrchestratorError
from orchestrator.nodes import CitedAnswer, Compress, RelevanceFilter, Retrieve
from orchestrator.ports import Embedder, SparseEncoder
from orchestrator.ranking.relevance_map import FEATURES, MONOTONE, RelevanceMap, features
from orchestrator.types import Hit, Hits, Query, ranked
from tests.nodes.shelf import BOARD, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")


def plain_map(app: Application | None = None, **changes: object) -> RelevanceMap:
    """A map whose probability is that of the cosine alone: 0 at .2, 1 at .7."""
    weights = tuple(float(name == "cosine") for name in FEATURES)
    found = RelevanceMap(
        embedder=app.container.get(Embedder).name if app else "e",
        encoder=app.container.get(SparseEncoder).name if app else "s",
        pool=100,
        spread=(0.05, 0.1),
        centre=(0.0,) * len(FEATURES),
        scale=(1.0,) * len(FEATURES),
        weights=weights,
        bias=0.0,
        knots=((0.2, 0.0), (0.7, 1.0)),
        threshold=0.5,
        subject=((0.0, 1.0),) * 3,
        least=-1e9,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("relevance")) as application:
        yield application


async def test_only_what_is_likely_is_kept_in_its_order(app: Application) -> None:
    asked = Question("What do blue whales eat?", ANONYMOUS)
    found = (await workflow("all", Retrieve(k=8)).run(asked, ports=app.ports())).output
    kept = (
        await workflow("kept", Retrieve(k=8) >> RelevanceFilter(plain_map(app))).run(asked, ports=app.ports())
    ).output
    assert 0 < len(kept) < len(found)
    assert [hit for hit in found if hit.id in kept.ids] == list(kept)
    assert (await names(app, kept))[0] == "whales"
    everything = RelevanceFilter(plain_map(app), threshold=0.0)
    assert (await workflow("0", Retrieve(k=8) >> everything).run(asked, ports=app.ports())).output == found


async def test_nothing_relevant_is_an_answer(app: Application) -> None:
    strict = workflow(
        "strict", Retrieve(k=8) >> RelevanceFilter(plain_map(app)) >> Compress() >> CitedAnswer()
    )
    result = await strict.run(Question("How are tax returns filed in Peru?", ANONYMOUS), ports=app.ports())
    assert result.answer.text == "Nothing in the documents answers this."
    assert result.answer.citations == ()
    # A question on a subject that the collection does not have is refused however its passages rank.
    unfamiliar = RelevanceFilter(plain_map(app, least=1e9), threshold=1e-9)
    kept = await workflow("u", Retrieve(k=8) >> unfamiliar).run(
        Question("What do blue whales eat?", ANONYMOUS), ports=app.ports()
    )
    assert len(kept.output) == 0


async def test_what_nobody_may_read_does_not_move_a_probability(app: Application) -> None:
    node = RelevanceFilter(plain_map(app), threshold=0.0)
    asked = "Stock of krill for blue whales"
    for principal in (ANONYMOUS, BOARD):
        kept = (
            await workflow("k", Retrieve(k=9) >> node).run(Question(asked, principal), ports=app.ports())
        ).output
        assert ("stock" in await names(app, kept, BOARD)) is (principal is BOARD)


async def test_a_map_of_another_embedder_is_refused(app: Application) -> None:
    node = RelevanceFilter(plain_map(app, embedder="another"))
    with pytest.raises(OrchestratorError, match="fitted to another") as raised:
        await workflow("m", Retrieve(k=3) >> node).run(Question("krill", ANONYMOUS), ports=app.ports())
    assert isinstance(raised.value, IndexMismatch | NodeError)
    assert "orchestrator calibrate" in str(raised.value)


async def test_a_saved_map_reads_the_same(tmp_path: Path) -> None:
    found = plain_map(fitted_on="pets", expected=(("f1", 0.5),))
    found.save(tmp_path / "map.json")
    assert RelevanceMap.load(tmp_path / "map.json") == found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": [1.0]}, "do not fit together"),
        ({"knots": [[1.0, 0.5], [0.0, 0.9]]}, "do not fit together"),
        ({"version": 99}, "version 99"),
        ({"threshold": "high"}, "threshold"),
    ],
)
async def test_a_file_that_is_no_map_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    file = tmp_path / "map.json"
    plain_map().save(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(BadInput, match=says):
        RelevanceMap.load(file)
    with pytest.raises(BadInput, match="cannot be read"):
        RelevanceMap.load(tmp_path / "absent.json")


_SCORES = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=40)


@given(_SCORES, st.integers(0, 39), st.floats(0, 1), st.lists(st.floats(0, 3), min_size=9, max_size=9))
async def test_a_higher_score_is_never_less_likely(
    scores: list[float], at: int, more: float, weights: list[float]
) -> None:
    ids = [f"p{n:02}" for n in range(len(scores))]
    at %= len(ids)
    rank = ranked([Hit(one, score) for one, score in zip(ids, scores, strict=True)])
    rows = features(ids, rank, rank, 3, (0.1, 0.1))
    found = plain_map(weights=tuple(weights), knots=((-50.0, 0.0), (50.0, 1.0)))
    better = rows.copy()
    better[at, :MONOTONE] += more
    assert (found.probabilities(better) >= found.probabilities(rows)).all()
    assert rows.shape == (len(ids), len(FEATURES))
    assert np.isfinite(rows).all()


async def test_a_query_that_finds_nothing_has_features() -> None:
    rows = features(["a"], Hits(), Hits(), 0, (0.0, 0.0))
    assert np.isfinite(rows).all()
    assert Query("").text == ""
