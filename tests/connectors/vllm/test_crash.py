"""A server that is killed while it works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.ports import GenerationRequest
from orchestrator.testing.language_model import LONG, PROMPT
from tests.services.vllm import KEY, vllm_server

pytestmark = pytest.mark.vllm


async def test_calls_under_way_when_the_server_is_killed_fail_with_a_name(
    tiny_model: Path, tmp_path: Path
) -> None:
    with vllm_server(tiny_model, folder=tmp_path) as server:
        model = VllmModel(Servers(addresses(server.url), key=KEY))
        await model.generate(GenerationRequest(PROMPT, max_tokens=1))
        said: list[str] = []
        calls = [
            asyncio.create_task(model.generate(GenerationRequest(LONG, max_tokens=8000), on_text=on_text))
            for on_text in (None, said.append, None, said.append)
        ]
        async with asyncio.timeout(30):
            while not said:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        done, late = await asyncio.wait(calls, timeout=20)
        assert not late
        # A busy machine may have answered one in whole before anything was streamed.
        cut = [call for call in done if call.exception() is not None or call.result().finish != "length"]
        assert cut
        for call in cut:
            error = call.exception()
            assert isinstance(error, ModelError)
            assert server.url in str(error)
        # From now on nobody waits for it.
        for _ in range(5):
            with pytest.raises(ModelUnreachable, match="cannot be reached"):
                await model.generate(GenerationRequest(PROMPT))
        await model.close()
