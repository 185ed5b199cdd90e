"""Feedback: relevance models and moved vectors are their formulas, and read only what the asker may."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from connectors.bm25 import Bm25Encoder
from orchestrator import ANONYMOUS, Principal, Queries, Question, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import Retrieve, Rm3, RocchioTerms, VectorFeedback
from orchestrator.nodes.query.feedback import fed_back, likeness, mean_of_units, relevance_model, spelled
from orchestrator.ports import Embedder, SparseVector, VectorStore, reading
from orchestrator.types import Query
from tests.nodes.shelf import BOARD, given_hits, given_queries, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("feedback")) as application:
        yield application


async def fed(
    app: Application, feedback: Any, *found: tuple[str, float], asked: Question | Queries | None = None
) -> Queries:
    """The queries that a feedback node makes of a question about whales and these hits."""
    where = await ids(app)
    hits = given_hits(*((where[name], score) for name, score in found))
    question = asked if isinstance(asked, Question) else Question("What do whales eat?", ANONYMOUS)
    steps = given_queries(asked) >> hits >> feedback if isinstance(asked, Queries) else hits >> feedback
    result = await workflow("feedback", steps, outputs=(Queries,)).run(question, ports=app.ports())
    queries = result.get(Queries)
    assert queries is not None
    return queries


# -- terms -----------------------------------------------------------------------------------------


def sparse(weights: dict[int, float]) -> SparseVector:
    return SparseVector(tuple(sorted(weights)), tuple(weights[term] for term in sorted(weights)))


_COUNTS = st.lists(
    st.dictionaries(st.integers(0, 9), st.integers(1, 5).map(float), min_size=1), min_size=1, max_size=4
)


@given(_COUNTS, st.data())
async def test_a_relevance_model_is_a_distribution_over_terms(
    counts: list[dict[int, float]], data: st.DataObject
) -> None:
    scores = [data.draw(st.floats(-1, 9, allow_nan=False)) for _ in counts]
    model = relevance_model([sparse(each) for each in counts], scores)
    assert model.weights.sum() == pytest.approx(1.0)
    assert model.terms.tolist() == sorted({term for each in counts for term in each})


async def test_a_relevance_model_weighs_passages_by_score_and_terms_by_frequency() -> None:
    model = relevance_model([sparse({1: 3.0, 2: 1.0}), sparse({2: 2.0})], [3.0, 1.0])
    assert model.largest(9) == pytest.approx({1: 0.75 * 3 / 4, 2: 0.75 * 1 / 4 + 0.25})


async def test_a_passage_without_terms_says_nothing() -> None:
    model = relevance_model([sparse({}), sparse({4: 1.0})], [1.0, 1.0])
    assert model.largest(9) == {4: 0.5}
    assert relevance_model([sparse({})], [1.0]).largest(9) == {}
    assert mean_of_units([sparse({}), sparse({4: 2.0})]).largest(9) == {4: 0.5}


async def test_of_terms_that_weigh_the_same_the_lower_comes_first() -> None:
    model = relevance_model([sparse({2: 1.0, 5: 1.0, 7: 3.0, 9: 1.0})], [1.0])
    assert list(model.largest(3)) == [7, 2, 5]


@pytest.mark.slow
async def test_rm3_is_half_the_query_and_half_the_likeliest_terms(app: Application) -> None:
    queries = await fed(app, Rm3(docs=1, terms=2), ("frigates", 1.0))
    own = {"whales": 0.25, "eat": 0.25}
    terms = dict(queries.queries[0].terms)
    assert {word: terms[word] for word in own} == pytest.approx(own)
    # "frigate" is in the title and in the text of that passage; its other words occur once.
    added = {word: weight for word, weight in terms.items() if word not in own}
    assert len(added) == 2
    assert sum(added.values()) == pytest.approx(0.5)
    stem = Bm25Encoder().query("frigate").indices
    best = max(added, key=added.__getitem__)
    assert Bm25Encoder().query(best).indices == stem
    assert added[best] == pytest.approx(0.5 * 2 / 3)


async def test_rm3_finds_what_the_first_passages_speak_of(app: Application) -> None:
    steps = Retrieve(k=2, mode="bm25") >> Rm3(docs=2, terms=8) >> Retrieve(k=8, mode="bm25")
    plain = await workflow("plain", Retrieve(k=8, mode="bm25")).run(
        Question("baleen", ANONYMOUS), ports=app.ports()
    )
    expanded = await workflow("rm3", steps).run(Question("baleen", ANONYMOUS), ports=app.ports())
    assert await names(app, plain.output) == ["baleen"]
    found = await names(app, expanded.output)
    assert found[0] == "baleen"
    assert {"krill", "whales", "penguins"} <= set(found)


async def test_every_formulation_keeps_its_own_terms(app: Application) -> None:
    asked = Queries((Query("whales whales eat", weight=2.0), Query("", terms=(("otters", 3.0),)), Query("")))
    queries = await fed(app, Rm3(docs=1, terms=1), ("frigates", 1.0), asked=asked)
    first, second, third = queries.queries
    assert first.weight == 2.0
    assert dict(first.terms)["whales"] == pytest.approx(0.5 * 2 / 3)
    assert second.terms[0] == ("otters", 0.5)
    assert second.terms[1][1] == pytest.approx(0.5)
    assert third == Query(""), "what has no terms is not searched by terms"


async def test_rocchio_adds_the_heaviest_terms_of_unit_vectors(app: Application) -> None:
    queries = await fed(app, RocchioTerms(docs=1, terms=1, alpha=1.0, beta=0.75), ("frigates", 1.0))
    terms = dict(queries.queries[0].terms)
    assert terms.pop("whales") == pytest.approx(0.5**0.5)
    assert terms.pop("eat") == pytest.approx(0.5**0.5)
    (word, weight), *rest = terms.items()
    assert not rest
    vector = Bm25Encoder().passages(
        ["Frigates\nA frigate carried thirty-eight guns and a crew of three hundred."]
    )[0]
    assert weight == pytest.approx(0.75 * max(vector.values) / np.linalg.norm(vector.values))
    assert Bm25Encoder().query(word).indices == Bm25Encoder().query("frigate").indices


@pytest.mark.parametrize("feedback", [Rm3(), RocchioTerms(), VectorFeedback(static=True)])
async def test_without_a_passage_the_query_stays(app: Application, feedback: Any) -> None:
    queries = await fed(app, feedback)
    assert queries == Queries((Query("What do whales eat?"),))


@pytest.mark.parametrize("feedback", [Rm3(docs=1), RocchioTerms(docs=1), VectorFeedback(docs=1, static=True)])
async def test_feedback_reads_only_what_the_asker_may_read(app: Application, feedback: Any) -> None:
    for principal in (ANONYMOUS, Principal(), Principal("other", frozenset({"board"}))):
        asked = Question("frozen food", principal)
        assert await fed(app, feedback, ("stock", 1.0), asked=asked) == Queries((Query("frozen food"),))
    moved = await fed(app, feedback, ("stock", 1.0), asked=Question("frozen food", BOARD))
    assert moved != Queries((Query("frozen food"),))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
async def test_a_spelling_stands_for_its_term_alone(text: str) -> None:
    encoder = Bm25Encoder()
    wanted = set(encoder.query(text).indices)
    for term, word in spelled(wanted, [text], encoder).items():
        assert reading(encoder, text).query(word).indices == (term,)


async def test_plain_words_are_all_spelled() -> None:
    encoder = Bm25Encoder()
    text = "Whales gulp water; baleen filters krill. Whale calves drink milk."
    words = spelled(encoder.query(text).indices, [text], encoder)
    assert len(words) == len(encoder.query(text).indices)
    counts = Counter(words.values())
    assert not {"Whales", "Whale"} <= set(counts)


# -- vectors ---------------------------------------------------------------------------------------


def unit(*values: float) -> Any:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


async def test_the_default_is_the_mean_of_the_query_and_the_passages() -> None:
    query, first, second = unit(1, 0, 0), unit(0, 1, 0), unit(0, 1, 1)
    mean = (query + first + second) / 3
    assert fed_back(query, [first, second]) == pytest.approx(mean / np.linalg.norm(mean))


async def test_rocchio_weighs_the_query_and_the_mean() -> None:
    query, first, second = unit(1, 0, 0), unit(0, 1, 0), unit(0, 1, 1)
    moved = 0.4 * query + 0.6 * (first + second) / 2
    assert fed_back(query, [first, second], share=0.6) == pytest.approx(moved / np.linalg.norm(moved))


async def test_passages_that_disagree_teach_nothing() -> None:
    query, first = unit(1, 1, 1), unit(1, 0, 0)
    assert fed_back(query, [first, unit(0, 1, 0)], agreement=(0.3, 0.8)) == pytest.approx(query)
    alike = [first, unit(1, 0.1, 0)]
    assert fed_back(query, alike, agreement=(0.3, 0.8)) == pytest.approx(fed_back(query, alike))
    between = [first, unit(1, 1, 0)]
    half = (float(likeness(np.stack(between))) - 0.3) / 0.5
    expected = fed_back(query, between, share=half * 2 / 3)
    assert fed_back(query, between, agreement=(0.3, 0.8)) == pytest.approx(expected, abs=1e-6)


async def test_opposite_vectors_leave_the_query() -> None:
    query = unit(1, 0)
    assert fed_back(query, [unit(-1, 0)], share=0.5) == pytest.approx(query)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
async def test_likeness_is_the_mean_cosine_of_all_pairs(n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [float(vectors[i] @ vectors[j]) for i in range(n) for j in range(i)]
    assert likeness(vectors) == pytest.approx(np.mean(pairs) if pairs else 1.0, abs=1e-5)


async def test_vector_feedback_moves_the_first_query_only(app: Application) -> None:
    other = Query("otters", vector=tuple(unit(*range(1, 257)).tolist()))
    asked = Queries((Query("What do whales eat?"), other))
    queries = await fed(
        app, VectorFeedback(docs=2, static=True), ("baleen", 2.0), ("krill", 1.0), asked=asked
    )
    where = await ids(app)
    store: Any = app.ports()[VectorStore]
    vectors = await store.vectors([where["baleen"], where["krill"]], principal=ANONYMOUS)
    own = (await app.container.get(Embedder).embed(["What do whales eat?"], kind="query"))[0]
    assert queries.queries[0].vector == pytest.approx(fed_back(own, list(vectors.values())), abs=1e-6)
    assert queries.queries[0].text == "What do whales eat?"
    assert queries.queries[1] == other


async def test_a_static_embedder_is_not_fed_back_unless_told(app: Application) -> None:
    assert getattr(app.container.get(Embedder), "static", False)
    assert await fed(app, VectorFeedback(), ("krill", 1.0)) == Queries((Query("What do whales eat?"),))


async def test_interpolation_before_and_after_compose(app: Application) -> None:
    before = Retrieve(k=5) >> VectorFeedback(static=True) >> Retrieve(k=5, mode="dense")
    after = Retrieve(k=5, mode="dense") >> VectorFeedback(static=True) >> Retrieve(k=5)
    for steps in (before, after):
        found = await workflow("feedback", steps).run(
            Question("What do whales eat?", ANONYMOUS), ports=app.ports()
        )
        assert set(await names(app, found.output)) & {"whales", "krill", "baleen"}
