"""Every way to rerank, with a real vLLM server as its model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator import Budget
from tests.nodes.rerank.asking import STRATEGIES, hits, reranked
from tests.services.vllm import KEY, VllmServer

pytestmark = pytest.mark.vllm
#: Those that ask a generating model.
BY_MODEL = [name for name in STRATEGIES if name not in ("embedding", "e2rank", "cross_encoder")]


@pytest.fixture
async def model(vllm: VllmServer) -> AsyncGenerator[VllmModel]:
    made = VllmModel(Servers(addresses(vllm.url), key=KEY))
    yield made
    await made.close()


@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_strategy_gives_a_permutation_and_the_same_again(strategy: str, model: VllmModel) -> None:
    found = hits(12)
    result = await reranked(model, found, strategy=strategy, keep=12, group=6, window=8, step=4)
    assert sorted(result.output.ids) == sorted(found.ids)
    assert result.usage.calls > 0
    assert result.usage.prompt_tokens > 0
    again = await reranked(model, found, strategy=strategy, keep=12, group=6, window=8, step=4)
    assert sorted(again.output.ids) == sorted(found.ids)


@pytest.mark.parametrize("strategy", ["groupwise", "listwise", "setwise", "yes_no"])
async def test_a_deadline_gives_the_best_so_far_and_stops_the_server(
    strategy: str, model: VllmModel, vllm: VllmServer
) -> None:
    found = hits(60)
    result = await reranked(model, found, Budget(seconds=0.3, grace=0.1), strategy=strategy, keep=60)
    assert sorted(result.output.ids) == sorted(found.ids)
    await asyncio.sleep(0.3)
    assert await asyncio.to_thread(lambda: vllm.running) == 0
