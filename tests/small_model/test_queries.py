"""Nodes that write queries, aspects and features, with a real small model."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from orchestrator import Application, Queries, Question, workflow
from orchestrator.nodes import (
    Explore,
    GenQREnsemble,
    GenQRFusion,
    PromptPrf,
    PseudoDocuments,
    Retrieve,
    Standalone,
    ToolQueries,
)
from orchestrator.nodes.query._term_weights import term_counts
from orchestrator.nodes.query.pseudo_documents import Method
from orchestrator.ports import Conversations, Features
from orchestrator.types import Facets, Message
from tests.serving.process import orchestrator

pytestmark = [pytest.mark.llm, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "Why do sea otters hold each other while they sleep?"


async def test_an_ensemble_adds_words_to_the_question(application: Application) -> None:
    node = GenQREnsemble(instructions=2, max_tokens=24)
    result = await application.run(workflow("genqr", node), QUESTION)
    [query] = result.output
    assert query.text == QUESTION
    terms, own = dict(query.terms), dict(term_counts(QUESTION))
    # The question is said five times; keywords, unless the model wrote none, join it.
    assert all(terms[word] >= 5 * count for word, count in own.items())
    assert set(terms) > set(own) or result.degraded
    assert result.usage.calls == 2


async def test_a_fusion_searches_each_reformulation(application: Application) -> None:
    node = GenQRFusion(instructions=2, feedback=1, max_tokens=24)
    search = workflow(
        "fusion",
        Retrieve(k=1, mode="bm25") >> node >> Retrieve(k=4, mode="bm25", fusion="rrf"),
        outputs=(Queries,),
    )
    result = await application.run(search, QUESTION)
    queries = result.get(Queries)
    assert queries is not None
    assert queries.queries[0].text == QUESTION
    assert all(query.text.strip() for query in queries)
    assert 1 <= len(queries) <= 3
    assert 1 <= len(result.output) <= 4


@pytest.mark.parametrize("method", get_args(Method))
async def test_pseudo_documents_move_the_query(method: str, application: Application) -> None:
    node = PseudoDocuments(method=method, number=1, max_tokens=40)  # pyright: ignore[reportArgumentType]
    [query] = (await application.run(workflow("pseudo", node), QUESTION)).output
    assert query.text == QUESTION
    assert sum(value * value for value in query.vector) == pytest.approx(1.0, abs=1e-3)
    assert bool(query.terms) == (method != "hyde")
    found = await application.run(workflow("found", node >> Retrieve(k=2)), QUESTION)
    assert len(found.output) == 2


async def test_the_last_turn_becomes_one_question(application: Application) -> None:
    history = [
        Message("user", "Where do sea otters sleep?"),
        Message("assistant", "In the water, on their backs."),
    ]
    who = application.settings.principal
    conversation = await application.container.get(Conversations).append(history, principal=who)
    result = await application.run(
        workflow("standalone", Standalone()), Question("What do they hold?", who, conversation)
    )
    [query] = result.output
    assert query.text.strip()
    assert "\n" not in query.text
    assert result.usage.calls == 1


async def test_a_request_becomes_queries_for_tools(application: Application) -> None:
    result = await application.run(
        workflow("tools", ToolQueries(lines=2, max_tokens=40)),
        "Book a train to Rome and say if it rains.",
    )
    assert 1 <= len(result.output) <= 3
    assert all(query.text.strip() and "\n" not in query.text for query in result.output)


async def test_aspects_are_few_and_distinct(application: Application) -> None:
    explore = Explore(at_most=3, feedback=1, max_tokens=120)
    result = await application.run(workflow("aspects", Retrieve(k=4) >> explore), QUESTION)
    facets = result.output
    assert isinstance(facets, Facets)
    assert len(facets.facets) <= 3
    assert all(facet.strip() for facet in facets.facets)
    assert len({facet.casefold() for facet in facets.facets}) == len(facets.facets)
    # What the model did not name is said.
    assert facets.trust == 1.0 or result.degraded


@pytest.mark.parametrize("kind", ["keyphrases", "summary"])
async def test_features_of_passages_are_written_and_expand_a_query(
    kind: str, folder: Path, application: Application
) -> None:
    made = orchestrator("index", "features", "--kind", kind, folder=folder, patience=300)
    assert f"Made {kind} of 4 passages" in made.stdout, made.stdout + made.stderr
    prf = PromptPrf(docs=2, kinds=(kind,))  # pyright: ignore[reportArgumentType]
    result = await application.run(workflow("prf", Retrieve(k=2) >> prf, outputs=(Queries,)), QUESTION)
    queries = result.get(Queries)
    assert queries is not None
    assert not result.degraded
    hits = (await application.run(workflow("hits", Retrieve(k=2)), QUESTION)).output
    texts = await application.container.get(Features).read(
        hits.ids,
        kind,
        principal=application.settings.principal,  # pyright: ignore[reportArgumentType]
    )
    assert len(texts) == 2
    assert all(text.strip() and "\n" not in text for text in texts.values())
    said = {word for word, _ in queries.queries[0].terms}
    assert len(said) > len({*QUESTION.split()})
