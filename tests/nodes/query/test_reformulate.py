"""Keywords of a model go into one query, or into ten; what it does not give is said."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Principal, Queries, Question, node, workflow
from orchestrator.application.application import Application
from orchestrator.budget import Budget
from orchestrator.errors import ModelError
from orchestrator.graph.run.result import RunResult
from orchestrator.nodes import GenQREnsemble, GenQRFusion, Retrieve
from orchestrator.nodes.query.reformulate import INSTRUCTIONS, keywords
from orchestrator.ports import Generation, GenerationRequest, LanguageModel
from orchestrator.types import Hits, Message, Query, Usage
from tests.nodes.shelf import BOARD, given_hits, given_queries, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = "What do whales eat?"


class Writer:
    """A model that writes the next text for each prompt, in their order; an exception is raised."""

    name = "writer"
    available = True

    def __init__(self, *texts: str | Exception) -> None:
        self.texts = texts
        self.prompts: list[Sequence[Message]] = []
        self.seeds: list[int] = []

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.prompts.append(request.prompt)
        self.seeds.append(request.seed)
        text = self.texts[(len(self.prompts) - 1) % len(self.texts)]
        if isinstance(text, Exception):
            raise text
        return Generation(text, usage=Usage(1, 10, 5))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Any:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise NotImplementedError


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("reformulate")) as application:
        yield application


async def run(
    app: Application,
    steps: Any,
    model: Any = None,
    principal: Principal = ANONYMOUS,
    budget: Budget | None = None,
) -> RunResult:
    ports = {**app.ports(), **({LanguageModel: model} if model else {})}
    made = workflow("reformulated", steps)
    return await made.run(Question(ASKED, principal), ports=ports, budget=budget)


async def test_an_ensemble_is_one_query_in_which_repeated_terms_sum(app: Application) -> None:
    model = Writer("krill, small fish", "- krill\n- plankton")
    result = await run(app, GenQREnsemble(instructions=2, repeat=3), model)
    (query,) = result.output.queries
    assert query.text == ASKED, "its vector stays that of the question"
    assert dict(query.terms) == {
        **dict.fromkeys(["What", "do", "whales", "eat?"], 3.0),
        "krill": 2.0,
        "small": 1.0,
        "fish": 1.0,
        "plankton": 1.0,
    }
    assert result.usage == Usage(2, 20, 10)
    assert result.degraded == ()


async def test_a_fusion_is_a_query_an_instruction_beside_the_question(app: Application) -> None:
    model = Writer("krill", "plankton; small fish")
    queries = (await run(app, GenQRFusion(instructions=2), model)).output
    assert [query.text for query in queries] == [ASKED, f"{ASKED} krill", f"{ASKED} plankton small fish"]
    without = (await run(app, GenQRFusion(instructions=2, original=False), model)).output
    assert [query.text for query in without] == [f"{ASKED} krill", f"{ASKED} plankton small fish"]


async def test_each_instruction_is_asked_once_with_a_seed_of_its_own(app: Application) -> None:
    model = Writer("krill")
    await run(app, GenQRFusion(), model)
    assert len(model.prompts) == len(INSTRUCTIONS) == 10
    assert sorted(model.seeds) == list(range(10))
    assert len({prompt[-1].text for prompt in model.prompts}) == 10
    assert len({prompt[0].text for prompt in model.prompts}) == 1, "the stable part comes first"


async def test_feedback_shows_what_the_asker_may_read(app: Application) -> None:
    where = await ids(app, "stock", "krill", "baleen")
    hits = given_hits(*((where[one], score) for one, score in (("stock", 3), ("krill", 2), ("baleen", 1))))
    for principal, expected in ((ANONYMOUS, ["krill"]), (BOARD, ["stock", "krill"])):
        model = Writer("krill")
        await run(app, hits >> GenQREnsemble(instructions=1, feedback=2), model, principal)
        data = json.loads(model.prompts[0][1].text.split("\n\n")[0])
        assert data["query"] == ASKED
        texts = " ".join(data["passages"])
        assert len(data["passages"]) == len(expected)
        assert ("frozen krill" in texts) is ("stock" in expected)


async def test_without_feedback_no_passage_is_shown(app: Application) -> None:
    where = await ids(app, "krill")
    model = Writer("krill")
    await run(app, given_hits((where["krill"], 1.0)) >> GenQREnsemble(instructions=1), model)
    assert "passages" not in model.prompts[0][1].text
    assert "passages were found" not in model.prompts[0][0].text


@pytest.mark.parametrize("made", [GenQREnsemble(), GenQRFusion(original=False)])
async def test_without_a_model_the_question_is_searched_as_it_is(app: Application, made: Any) -> None:
    result = await run(app, made)
    assert result.output == Queries((Query(ASKED),))
    assert result.degraded == (
        "No language model is configured: the query is searched without their keywords.",
    )


async def test_calls_that_fail_are_counted_and_the_others_used(app: Application) -> None:
    model = Writer("krill", ModelError("the server went away."), "")
    result = await run(app, GenQRFusion(instructions=3), model)
    assert [query.text for query in result.output] == [ASKED, f"{ASKED} krill"]
    assert result.degraded == (
        (
            "2 of 3 model calls gave nothing (the server went away): "
            "the query is searched without their keywords."
        ),
    )


async def test_a_budget_of_calls_leaves_the_rest_out(app: Application) -> None:
    model = Writer("krill")
    result = await run(app, GenQRFusion(instructions=5), model, budget=Budget(calls=2))
    assert len(model.prompts) == 2
    assert len(result.output) == 3
    assert any("3 of 5 model calls gave nothing" in reason for reason in result.degraded)


async def test_other_queries_stay_behind_the_first(app: Application) -> None:
    asked = Queries((Query("whales", weight=2.0), Query("otters")))
    model = Writer("krill")
    ensemble = (await run(app, given_queries(asked) >> GenQREnsemble(instructions=1, repeat=1), model)).output
    assert ensemble.queries == (
        Query("whales", weight=2.0, terms=(("whales", 1.0), ("krill", 1.0))),
        Query("otters"),
    )
    fused = (await run(app, given_queries(asked) >> GenQRFusion(instructions=1), model)).output
    assert fused.queries == (*asked.queries, Query("whales krill", weight=2.0))


async def test_what_the_keywords_name_is_found(app: Application) -> None:
    @node
    async def frigates(question: Question) -> Queries:
        return Queries((Query("old ships"),))

    plain = await run(app, frigates >> Retrieve(mode="bm25"))
    assert plain.output == Hits()
    for made in (GenQREnsemble(instructions=1), GenQRFusion(instructions=1)):
        found = await run(
            app, frigates >> made >> Retrieve(mode="bm25", fusion="rrf"), Writer("frigate, guns")
        )
        assert set(await names(app, found.output)) == {"frigates", "cannons"}


async def test_keywords_are_read_from_lists_of_any_form() -> None:
    assert keywords("krill, small fish; plankton") == ["krill", "small fish", "plankton"]
    assert keywords('1. "krill"\n2) fish.\n- *plankton*\n• `eggs`') == ["krill", "fish", "plankton", "eggs"]
    assert keywords("Here are some keywords that could help you with your search:\nkrill") == ["krill"]
    assert keywords("krill, krill") == ["krill", "krill"]
    assert keywords(" ,;\n--\n…") == []


@given(st.text())
async def test_any_text_has_keywords_of_words(text: str) -> None:
    for word in keywords(text):
        assert any(map(str.isalnum, word))
        assert "," not in word
        assert "\n" not in word
