"""A question of several sentences is asked whole and in parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Hits, Queries, Question, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import Retrieve, SplitQuestion
from orchestrator.nodes.query.split_question import parts_of
from orchestrator.ports import Embedder
from orchestrator.text.sentences import sentences
from orchestrator.types import Query
from tests.nodes.shelf import given_queries, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO = "How do otters sleep? How many guns did a frigate carry?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("decompose")) as application:
        yield application


async def asked(app: Application, text: str, node: SplitQuestion, queries: Queries | None = None) -> Queries:
    steps = given_queries(queries) >> node if queries else node
    result = await workflow("asked", steps, outputs=(Queries,)).run(
        Question(text, ANONYMOUS), ports=app.ports()
    )
    found = result.get(Queries)
    assert found is not None
    return found


async def test_the_whole_comes_first_and_each_sentence_after_it(app: Application) -> None:
    queries = await asked(app, TWO, SplitQuestion())
    texts = [TWO, "How do otters sleep?", "How many guns did a frigate carry?"]
    vectors = await app.container.get(Embedder).embed(texts, kind="query")
    assert [query.text for query in queries] == [TWO, "", ""]
    assert np.allclose([query.vector for query in queries], vectors)


async def test_one_sentence_is_one_query(app: Application) -> None:
    queries = await asked(app, "How do otters sleep?", SplitQuestion())
    assert [query.text for query in queries] == ["How do otters sleep?"]
    assert queries.queries[0].vector


@pytest.mark.parametrize("text", ["", "  "])
async def test_an_empty_question_has_no_vector(app: Application, text: str) -> None:
    assert await asked(app, text, SplitQuestion()) == Queries((Query(text),))


async def test_a_rewritten_question_keeps_its_terms_and_vector(app: Application) -> None:
    vector = tuple(np.full(256, 1 / 16).tolist())
    given_ = Queries((Query(TWO, 0.5, (("otters", 1.0),), vector), Query("another")))
    first, second, *parts = (await asked(app, "x", SplitQuestion(), given_)).queries
    assert first == given_.queries[0]
    assert second == given_.queries[1]
    assert [part.text for part in parts] == ["", ""]


async def test_each_part_finds_its_own(app: Application) -> None:
    steps = SplitQuestion() >> Retrieve(k=2, mode="dense", fusion="max")
    result = await workflow("parts", steps).run(Question(TWO, ANONYMOUS), ports=app.ports())
    assert isinstance(result.output, Hits)
    assert set(await names(app, result.output)) == {"otters", "frigates"}


@given(st.text(max_size=200), st.integers(1, 5))
async def test_parts_hold_all_sentences_in_at_most_so_many(text: str, at_most: int) -> None:
    parts = parts_of(text, at_most)
    spans = sentences(text)
    assert len(parts) <= at_most
    if len(spans) > 1 and at_most > 1:
        assert len(parts) == min(len(spans), at_most)
        for span in spans:
            assert any(text[span.start : span.end] in part for part in parts)
    else:
        assert parts == []
