"""What a model writes about a question is searched beside the question."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Queries, Question, workflow
from orchestrator.application.application import Application
from orchestrator.graph.run.result import RunResult
from orchestrator.nodes import PseudoDocuments, Retrieve
from orchestrator.nodes.query.pseudo_documents import appended, mean_direction
from orchestrator.ports import Embedder, LanguageModel
from orchestrator.types import Query
from tests.nodes.query.test_reformulate import Writer
from tests.nodes.shelf import given_queries, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = "old ships"
PASSAGE = "A frigate carried many guns."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("pseudo")) as application:
        yield application


async def run(app: Application, steps: Any, model: Any = None) -> RunResult:
    ports = {**app.ports(), **({LanguageModel: model} if model else {})}
    return await workflow("pseudo", steps).run(Question(ASKED, ANONYMOUS), ports=ports)


@pytest.mark.parametrize(("method", "number"), [("query2doc", 1), ("mugi", 5), ("hyde", 5), ("think", 1)])
async def test_each_method_asks_for_its_number_of_texts(app: Application, method: Any, number: int) -> None:
    model = Writer(PASSAGE)
    await run(app, PseudoDocuments(method), model)
    assert len(model.prompts) == number
    assert sorted(model.seeds) == list(range(number)), "equal prompts are sampled apart"
    assert json.loads(model.prompts[0][1].text) == {"query": ASKED}


async def test_the_vector_is_the_mean_of_question_and_texts(app: Application) -> None:
    model = Writer(PASSAGE, "Cannons fired iron balls.")
    (query,) = (await run(app, PseudoDocuments("hyde", number=2), model)).output.queries
    vectors = await app.container.get(Embedder).embed(
        [ASKED, PASSAGE, "Cannons fired iron balls."], kind="query"
    )
    mean = vectors.mean(axis=0)
    assert np.allclose(query.vector, mean / np.linalg.norm(mean), atol=1e-6)
    assert query.text == ASKED
    assert query.terms == (), "hyde is for the vector alone"


async def test_by_terms_the_texts_are_appended(app: Application) -> None:
    (query,) = (await run(app, PseudoDocuments("query2doc"), Writer(PASSAGE))).output.queries
    terms = dict(query.terms)
    assert terms["old"] == terms["ships"] == 5.0
    assert terms["frigate"] == 1.0


async def test_mugi_repeats_the_question_to_a_fourth_of_the_texts() -> None:
    assert appended("ab", ["x" * 40, "y" * 40], "mugi").split().count("ab") == 10
    assert appended("a long question", ["short"], "mugi").startswith("a long question short")
    assert appended("", ["x"], "mugi").split() == ["x"]


async def test_vectors_that_cancel_out_leave_the_question_as_it_is() -> None:
    own = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)
    assert mean_direction(own) == (1.0, 0.0)


@pytest.mark.parametrize("method", ["query2doc", "mugi", "hyde", "think"])
async def test_what_the_text_names_is_found(app: Application, method: Any) -> None:
    model = Writer(PASSAGE)
    found = await run(app, PseudoDocuments(method) >> Retrieve(k=2, mode="dense"), model)
    assert "frigates" in await names(app, found.output)


async def test_without_a_model_the_question_is_searched_as_it_is(app: Application) -> None:
    result = await run(app, PseudoDocuments())
    assert result.output == Queries((Query(ASKED),))
    assert result.degraded == (
        "No language model is configured: the question is searched without their texts.",
    )


async def test_other_queries_stay_behind_the_first(app: Application) -> None:
    asked = Queries((Query("ships", terms=(("ships", 2.0),)), Query("otters")))
    queries = (
        await run(app, given_queries(asked) >> PseudoDocuments("hyde"), Writer(PASSAGE))
    ).output.queries
    assert queries[0].terms == (("ships", 2.0),)
    assert queries[1] == Query("otters")
