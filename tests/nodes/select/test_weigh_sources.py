"""Weighing hits by their sources."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import BadInput
from orchestrator.nodes import WeighSources
from orchestrator.ranking.source_weights import SourceWeights, source_of
from orchestrator.types import Passage
from tests.nodes.shelf import BOARD, given_hits, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("sources")) as application:
        yield application


async def weighed(
    app: Application, principal=BOARD, lowest: float = 0.2, **weights: float
) -> list[tuple[str, float]]:
    known = await ids(app, "krill", "whales", "stock")
    hits = given_hits((known["stock"], 0.9), (known["krill"], 0.6), (known["whales"], lowest))
    node = WeighSources(SourceWeights("label", tuple(weights.items())))
    found = (await workflow("w", hits >> node).run(Question("krill", principal), ports=app.ports())).output
    named = await names(app, found, BOARD)
    return [(name, round(hit.score, 6)) for name, hit in zip(named, found, strict=True)]


async def test_scores_are_scaled_by_the_weight_of_their_source(app: Application) -> None:
    assert await weighed(app) == [("stock", 0.9), ("krill", 0.6), ("whales", 0.2)]
    assert await weighed(app, board=0.5) == [("krill", 0.6), ("stock", 0.45), ("whales", 0.2)]
    assert await weighed(app, board=0.0) == [("krill", 0.6), ("whales", 0.2)]


async def test_a_lower_weight_never_raises_a_negative_score(app: Application) -> None:
    assert await weighed(app, lowest=-0.5, board=0.5) == [("krill", 0.6), ("stock", 0.2), ("whales", -0.5)]


async def test_what_may_not_be_read_is_dropped(app: Application) -> None:
    assert await weighed(app, ANONYMOUS) == [("krill", 0.6), ("whales", 0.2)]


async def test_weights_are_from_0_to_1() -> None:
    with pytest.raises(BadInput, match="'a' is 2"):
        WeighSources(SourceWeights("label", (("a", 2.0),)))


async def test_a_source_is_a_folder_a_label_or_a_field() -> None:
    passage = Passage("p", "d", "t", source="/docs/team/a.md", labels=("b", "a"), metadata=(("year", 1999),))
    assert [source_of(passage, by) for by in ("folder", "label", "year", "author")] == [
        "/docs/team",
        "a+b",
        "1999",
        "",
    ]
