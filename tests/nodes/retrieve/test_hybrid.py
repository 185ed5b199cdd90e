"""The shipped hybrid workflow over a real index."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Hits, Principal, Queries, Question
from orchestrator.application.application import Application
from orchestrator.ports import Embedder
from tests.nodes.shelf import BOARD, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Contextual:
    """The embedder of the index, without saying that it is static."""

    def __init__(self, inner: Any) -> None:
        self.name, self.dimensions, self.embed = inner.name, inner.dimensions, inner.embed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("hybrid")) as application:
        yield application


@pytest.mark.parametrize("static", [True, False])
async def test_it_finds_the_parts_of_a_question(app: Application, static: bool) -> None:
    ports = (
        dict(app.ports()) if static else {**app.ports(), Embedder: Contextual(app.container.get(Embedder))}
    )
    asked = Question("How do otters sleep? How many guns did a frigate carry?", ANONYMOUS)
    result = await app.workflow("hybrid").run(asked, ports=ports)
    assert isinstance(result.output, Hits)
    assert set((await names(app, result.output))[:3]) == {"otters", "frigates", "cannons"}
    assert result.degraded == ()


async def test_the_vector_moves_only_with_an_embedder_that_knows_context(app: Application) -> None:
    asked = Question("What do whales eat?", ANONYMOUS)
    own = (await app.container.get(Embedder).embed([asked.text], kind="query"))[0].tolist()
    for static in (True, False):
        ports = (
            dict(app.ports())
            if static
            else {**app.ports(), Embedder: Contextual(app.container.get(Embedder))}
        )
        queries = (await app.workflow("hybrid").run(asked, ports=ports)).get(Queries)
        assert queries is not None
        assert (list(queries.queries[0].vector) == pytest.approx(own, abs=1e-6)) is static


async def test_each_principal_finds_what_it_may_read(app: Application) -> None:
    asked = "What does the board keep for whales?"
    found: dict[str, list[str]] = {}
    for principal in (ANONYMOUS, BOARD, Principal()):
        result = await app.workflow("hybrid").run(Question(asked, principal), ports=app.ports())
        found[principal.name] = await names(app, result.output, BOARD)
    assert found["board"][0] == "stock"
    assert "stock" not in found["anonymous"]
    assert found["nobody"] == []


@pytest.mark.parametrize("text", ["", "?", "the of and"])
async def test_questions_without_words_are_no_errors(app: Application, text: str) -> None:
    result = await app.workflow("hybrid").run(Question(text, ANONYMOUS), ports=app.ports())
    assert isinstance(result.output, Hits)
