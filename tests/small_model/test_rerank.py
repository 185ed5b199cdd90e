"""Every strategy that asks a language model, with a real small one."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator import Application, Budget, Workflow, workflow
from orchestrator.nodes import Rerank, Retrieve
from orchestrator.nodes._strategies import strategy_names
from tests.services.llama import LlamaServer

pytestmark = [pytest.mark.llm, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "Why do sea otters hold each other while they sleep?"
#: `auto` is one of the others: test_doctor.py.
BY_MODEL = [
    name for name in strategy_names("rerank") if name not in ("auto", "cross_encoder", "embedding", "e2rank")
]
#: As few calls as each strategy can do with.
SMALL = {"group": 4, "repeats": 1, "window": 3, "step": 2, "tokens": 60}


def flow(strategy: str, k: int = 4, **settings: object) -> Workflow:
    """Search and rerank."""
    # Every passage comes along, the most similar ones first.
    found = Retrieve(k=k, mode="dense")
    return workflow("reranked", found >> Rerank(**{"strategy": strategy, "keep": k, **SMALL, **settings}))


@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_strategy_gives_a_permutation(strategy: str, application: Application) -> None:
    # Comparisons of all pairs are the most calls.
    size = 3 if strategy.startswith("pairwise") else 4
    found = (await application.run(workflow("found", Retrieve(k=size, mode="dense")), QUESTION)).output
    result = await application.run(flow(strategy, size), QUESTION)
    assert len(found) == size
    assert sorted(result.output.ids) == sorted(found.ids)
    scores = [hit.score for hit in result.output]
    assert scores == sorted(scores, reverse=True)
    assert result.usage.calls > 0
    assert result.usage.prompt_tokens > 0
    assert result.usage.completion_tokens > 0


@pytest.mark.parametrize("strategy", ["listwise", "setwise"])
async def test_a_budget_of_tokens_ends_the_run_and_says_so(strategy: str, application: Application) -> None:
    result = await application.run(flow(strategy), QUESTION, budget=Budget(tokens=150))
    assert len(result.output) == 4
    assert any("budget" in reason or "tokens" in reason for reason in result.degraded), result.degraded
    full = await application.run(flow(strategy), QUESTION)
    assert result.usage.calls < full.usage.calls
    assert not any("budget" in reason for reason in full.degraded)


async def test_a_deadline_gives_the_best_so_far_and_stops_the_server(
    application: Application, llama: LlamaServer
) -> None:
    result = await application.run(flow("full"), QUESTION, budget=Budget(seconds=1.0, grace=0.5))
    assert len(result.output) == 4
    assert result.degraded
    async with asyncio.timeout(30):
        while await asyncio.to_thread(lambda: llama.running):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
