"""Facility location is greedy and close to the best choice; hops reach what is like an answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Hits, Principal, Question, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import Mmr, Retrieve, SemanticCompression
from orchestrator.nodes.select.semantic_compression import facility_location
from orchestrator.types import Filter
from tests.nodes.shelf import BOARD, given_hits, ids, names, shelf

#: The id of a passage that there is not.
GONE = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("compression")) as application:
        yield application


def neighbourhoods() -> st.SearchStrategy[tuple[Any, Any]]:
    def made(seed: int, n: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(n, 3))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        return np.clip(points @ points.T, 0, 1), rng.random(n)

    return st.builds(made, st.integers(0, 10_000), st.integers(1, 40))


def represented(similarity: Any, weights: Any, chosen: list[int]) -> float:
    """The objective, by its definition."""
    return float(similarity[:, chosen].max(axis=1) @ weights / weights.sum()) if chosen else 0.0


@given(neighbourhoods(), st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.9]))
async def test_lazy_choice_is_the_plain_greedy_one(data: tuple[Any, Any], limit: int, trade: float) -> None:
    similarity, weights = data
    plain: list[int] = []
    while len(plain) < min(limit, len(weights)):
        values = [
            -np.inf
            if row in plain
            else (1 - trade) * represented(similarity, weights, [*plain, row])
            + trade * sum(weights[one] for one in [*plain, row])
            for row in range(len(weights))
        ]
        plain.append(int(np.argmax(np.round(values, 10))))
    assert facility_location(similarity, weights, limit=limit, own=weights, trade=trade) == plain


@pytest.mark.slow
@given(neighbourhoods(), st.integers(1, 3))
async def test_it_is_within_the_greedy_bound_of_the_best(data: tuple[Any, Any], limit: int) -> None:
    similarity, weights = data[0][:9, :9], data[1][:9]
    best = max(
        represented(similarity, weights, list(rows))
        for rows in combinations(range(len(weights)), min(limit, len(weights)))
    )
    found = represented(similarity, weights, facility_location(similarity, weights, limit=limit))
    assert found >= (1 - 1 / np.e) * best - 1e-9


async def run(app: Application, steps: Any, question: Question) -> Hits:
    return (await workflow("chosen", steps).run(question, ports=app.ports())).output


ASKED = Question("What do whales eat?", ANONYMOUS)


@pytest.mark.parametrize("choice", [SemanticCompression(k=3, trade=0.0), Mmr(k=3, trade=0.3)])
async def test_few_passages_stand_for_all_subjects(app: Application, choice: Any) -> None:
    where = await ids(app)
    found = [("krill", 1.0), ("whales", 0.99), ("baleen", 0.98), ("frigates", 0.97), ("cannons", 0.96)]
    hits = given_hits(*((where[name], score) for name, score in found))
    output = await run(app, hits >> choice, ASKED)
    first = set((await names(app, output))[:3])
    assert first & {"frigates", "cannons"}
    assert first & {"krill", "whales", "baleen"}
    assert sorted(output.ids) == sorted(where[name] for name, _ in found)


@pytest.mark.parametrize("choice", [SemanticCompression(trade=1.0), Mmr(trade=1.0)])
async def test_at_the_other_end_the_order_stands(app: Application, choice: Any) -> None:
    plain = await run(app, Retrieve(k=8), ASKED)
    assert (await run(app, Retrieve(k=8) >> choice, ASKED)).ids == plain.ids


@pytest.mark.parametrize("choice", [SemanticCompression(), Mmr()])
async def test_what_has_no_vector_for_the_reader_is_kept_behind(app: Application, choice: Any) -> None:
    where = await ids(app)
    hits = given_hits((where["stock"], 1.0), (where["krill"], 0.5), (GONE, 0.4))
    output = await run(app, hits >> choice, ASKED)
    assert output.ids == (where["krill"], where["stock"], GONE)
    assert (await run(app, given_hits() >> choice, ASKED)) == Hits()


async def test_a_hop_reaches_passages_that_only_the_answer_is_like(app: Application) -> None:
    where = await ids(app)
    hits = given_hits((where["frigates"], 1.0))
    plain = await run(app, hits >> SemanticCompression(), ASKED)
    hopped = await run(app, hits >> SemanticCompression(hops=1, neighbours=1), ASKED)
    assert await names(app, plain) == ["frigates"]
    assert await names(app, hopped) == ["frigates", "cannons"]


@pytest.mark.parametrize("principal", [ANONYMOUS, BOARD, Principal()])
async def test_hops_stay_within_what_the_asker_may_read(app: Application, principal: Principal) -> None:
    where = await ids(app)
    steps = given_hits((where["whales"], 1.0)) >> SemanticCompression(hops=2, neighbours=9)
    output = await run(app, steps, Question("whales", principal))
    assert (where["stock"] in output.ids) is (principal == BOARD)
    if principal == Principal():
        assert output.ids == (where["whales"],)


async def test_hops_obey_the_filters_of_the_question(app: Application) -> None:
    where = await ids(app)
    question = Question("whales", ANONYMOUS, filters=(Filter("document", ("no such document",)),))
    output = await run(app, given_hits((where["whales"], 1.0)) >> SemanticCompression(hops=1), question)
    assert output.ids == (where["whales"],)
