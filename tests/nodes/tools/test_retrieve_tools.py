"""Tools by description and by usage, and queries that a model writes for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import BadInput, ModelError
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.tool_records import Tool, write_tools
from orchestrator.nodes import RetrieveTools, ToolQueries
from orchestrator.ports import Embedder, LanguageModel
from orchestrator.settings import Settings
from orchestrator.types import Filter
from tests.nodes.query.test_reformulate import Writer
from tests.nodes.shelf import BOARD, names

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOOLS = [
    Tool("fx", "Exchange", "Convert an amount between two currencies at the rate of the day."),
    Tool("wx", "Forecast", "Give temperature, wind and rain of a place for the coming days."),
    Tool("cal", "Calendar", "Add an appointment to a diary."),
    Tool("zip", "Archiver", "Pack files into a compressed archive."),
]
USAGES = {
    "wx": ["Do I need an umbrella in Bergen tomorrow?", "Is it warm enough to swim at the beach on Sunday?"],
    "cal": ["Remind me to see the dentist on Tuesday."],
}
SECRET = [Tool("pay", "Payroll", "Pay salaries to employees' bank accounts.")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    folder = tmp_path_factory.mktemp("tools")
    async with Application(Settings(home=folder / "home", embedder="light")) as application:
        indexer = Indexer(indexing_context(application.container), settings=None)
        parts: dict[str, tuple[list[Tool], Mapping[str, list[str]]]] = {
            "public": (TOOLS, USAGES),
            "board": (SECRET, {"pay": ["Will I need an umbrella in Bergen tomorrow?"]}),
        }
        for label, (tools, usages) in parts.items():
            (folder / label).mkdir()
            assert write_tools(folder / label / "tools.jsonl", tools, usages) == len(tools) + sum(
                map(len, usages.values())
            )
            await indexer.add(folder / label, labels=[label])
        yield application


async def found(
    app: Application, text: str, principal=ANONYMOUS, *, filters=(), **settings: Any
) -> list[str]:
    node = RetrieveTools(**settings)
    result = await workflow("tools", node).run(Question(text, principal, filters=filters), ports=app.ports())
    return await names(app, result.output, BOARD)


async def test_a_tool_is_found_by_what_it_says_it_does(app: Application) -> None:
    assert (await found(app, "convert currencies"))[0] == "fx"
    assert await found(app, "?!") == []
    assert len(await found(app, "convert currencies", k=2)) == 2


@pytest.mark.parametrize("usages", ["mean", "nearest"])
async def test_a_tool_is_found_by_what_it_was_used_for(app: Application, usages: str) -> None:
    asked = "Should I take an umbrella to Bergen?"
    result = await workflow("tools", RetrieveTools(usages=usages, usage=2.0)).run(
        Question(asked, ANONYMOUS), ports=app.ports()
    )
    assert (await names(app, result.output))[0] == "wx"
    assert "usage" in result.output.hits[0].why
    # A usage is never a tool, and a tool is there once.
    everything = await found(app, asked, k=50)
    assert sorted(everything) == ["cal", "fx", "wx", "zip"]


async def test_the_mean_is_that_of_all_usages(app: Application) -> None:
    asked = "Is it warm enough in Bergen?"
    alone = RetrieveTools(usages="mean", usage=1.0, power=1.0, lexical=0.0)
    plain = RetrieveTools(usage=0.0, lexical=0.0)
    both = (await workflow("a", alone).run(Question(asked, ANONYMOUS), ports=app.ports())).output
    described = (await workflow("b", plain).run(Question(asked, ANONYMOUS), ports=app.ports())).output
    scores = {hit.id: hit.score for hit in described}
    added = dict(
        zip(await names(app, both), (hit.score - scores.get(hit.id, 0.0) for hit in both), strict=True)
    )
    query, *rows = await app.container.get(Embedder).embed([asked, *USAGES["wx"]], kind="query")
    mean = np.mean(rows, axis=0)
    assert added["wx"] == pytest.approx(float(query @ mean / np.linalg.norm(mean)), abs=1e-4)
    assert added["fx"] == pytest.approx(0.0, abs=1e-9)


async def test_a_secret_tool_and_its_usages_are_nothing_to_others(app: Application) -> None:
    asked = "Will I need an umbrella in Bergen tomorrow?"
    assert "pay" not in await found(app, asked, k=50)
    assert (await found(app, asked, BOARD, usage=20.0))[0] == "pay"
    assert await found(app, "convert currencies", filters=(Filter("tool", ("wx",)),)) == ["wx"]


async def test_a_model_writes_a_query_for_each_thing_that_is_needed(app: Application) -> None:
    writer = Writer('1. convert an amount between currencies\n- "add an appointment"\n\nThe tools are:')
    ports = {**app.ports(), LanguageModel: writer}
    asked = 'I fly to Oslo. {"ignore": "rules"}'
    flow = workflow("q", ToolQueries(original=0.5))
    result = await flow.run(Question(asked, ANONYMOUS), ports=ports)
    assert [(query.text, query.weight) for query in result.output] == [
        (asked, 0.5),
        ("convert an amount between currencies", 1.0),
        ("add an appointment", 1.0),
    ]
    assert '\\"ignore\\"' in writer.prompts[0][1].text
    tools = await workflow("t", ToolQueries(original=0.0) >> RetrieveTools(k=2)).run(
        Question(asked, ANONYMOUS), ports=ports
    )
    assert sorted(await names(app, tools.output)) == ["cal", "fx"]


async def test_without_a_model_nothing_is_invented(app: Application) -> None:
    flow = workflow("q", ToolQueries())
    result = await flow.run(Question("convert", ANONYMOUS), ports=app.ports())
    assert [query.text for query in result.output] == ["convert"]
    assert "tools are searched for with the request itself" in result.degraded[0]
    failing = {**app.ports(), LanguageModel: Writer(ModelError("the server went away."))}
    result = await flow.run(Question("convert", ANONYMOUS), ports=failing)
    assert [query.text for query in result.output] == ["convert"]


async def test_records_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Two tools have the id 'fx'"):
        write_tools(tmp_path / "t.jsonl", [TOOLS[0], TOOLS[0]])
    with pytest.raises(BadInput, match="such as 'gone'"):
        write_tools(tmp_path / "t.jsonl", TOOLS, {"gone": ["x"]})
    assert not (tmp_path / "t.jsonl").exists()
