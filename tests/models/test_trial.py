"""One real call of each kind says what a model can do, before anybody needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.cli.program import program
from orchestrator.models.null import NullModel
from orchestrator.models.trial import tried
from tests.connectors.vllm.faults import fussy, has, openai_says
from tests.services.scripted import Asked, Reply, chunk, completion, scripted, serving, step


def able(asked: Asked) -> Reply:
    """A server that can do everything but score."""
    if asked.body.get("stream"):
        return Reply(pieces=[chunk("Ye"), chunk("s."), chunk(finish="stop"), "[DONE]"])
    if "response_format" in asked.body:
        return Reply(completion('{"wet": true}'))
    likeliest = step(("Yes", -0.1), ("No", -2.5)) if "logprobs" in asked.body else None
    return Reply(completion("Yes.", logprobs=likeliest))


async def trials(chat: Any) -> dict[str, Any]:
    async with scripted(serving(chat)) as server:
        model = VllmModel(Servers(addresses(server.url), attempts=1))
        found = {each.call: each for each in await tried(model)}
        await model.close()
        return found


async def test_each_kind_of_call_is_made() -> None:
    found = await trials(able)
    assert list(found) == ["generate", "stream", "schema", "choose"]
    assert all(each.works for each in found.values())
    assert "2 pieces" in found["stream"].detail
    assert "0.92 and 0.08" in found["choose"].detail


async def test_what_does_not_work_says_so_with_a_next_step() -> None:
    def dull(asked: Asked) -> Reply:
        return Reply(completion("Yes."))

    found = await trials(dull)
    assert [each.call for each in found.values() if not each.works] == ["schema", "choose"]
    assert not found["choose"].needed
    assert "`groupwise`" in found["choose"].hint
    thought = Reply(completion("<think>Is it"))
    (only,) = (await trials(lambda _: thought)).values()
    assert not only.works
    assert only.needed
    assert "connectors.vllm.reasoning" in only.hint


async def test_where_there_is_no_model_nothing_is_tried() -> None:
    assert await tried(NullModel()) == []


@pytest.mark.slow
async def test_doctor_tries_each_call_and_says_what_was_negotiated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    refused = openai_says("Unsupported parameter: 'max_tokens'.", "max_tokens")
    inner = fussy((has("max_tokens"), refused))
    serve = serving(able)

    def script(asked: Asked) -> Any:
        return inner(asked) if asked.body and "max_tokens" in asked.body else serve(asked)

    monkeypatch.chdir(tmp_path)
    async with scripted(script) as server:
        monkeypatch.setenv("ORCHESTRATOR_LLM_URL", server.url)
        monkeypatch.setenv("ORCHESTRATOR_EMBEDDER", "light")
        result = await asyncio.to_thread(CliRunner().invoke, program, ["doctor", "--json"])
    found = [each for each in json.loads(result.stdout) if each["name"].startswith("model ")]
    assert {each["name"]: each["state"] for each in found} == {
        "model generate": "ok",
        "model stream": "ok",
        "model schema": "ok",
        "model choose": "ok",
        "model fields": "note",
    }
    assert "max_completion_tokens" in found[-1]["detail"]
