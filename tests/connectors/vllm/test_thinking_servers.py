"""Models that think are told how much they may, and what they think is shown to nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Application
from orchestrator.errors import SettingsError
from orchestrator.ports import GenerationRequest, LanguageModel, resolved_name
from orchestrator.settings import Settings
from tests.connectors.vllm.faults import openai_says
from tests.connectors.vllm.test_protocol import PROMPT, asking
from tests.connectors.vllm.test_replies import message
from tests.services.scripted import Asked, Reply, chunk, completion, scripted, serving, step

CHAT = "/v1/chat/completions"


def thinker(asked: Asked) -> Reply:
    """A server whose model thinks until it is told not to."""
    if asked.body.get("chat_template_kwargs", {}).get("enable_thinking") is False:
        if asked.body.get("logprobs"):
            return Reply(completion(logprobs=step(("yes", -0.1), ("no", -2.5))))
        return Reply(completion("Yes."))
    if asked.body.get("logprobs"):
        return Reply(completion(logprobs=step(("<think>", -0.01), ("yes", -9.0))))
    return Reply(message("length", content=None, reasoning_content="Hm, is it"))


async def test_a_model_that_thinks_by_itself_is_told_not_to_and_asked_again() -> None:
    async with asking(serving(thinker)) as (model, server):
        made = await model.generate(GenerationRequest(PROMPT))
        assert (made.text, made.usage.calls) == ("Yes.", 2)
        assert (await model.generate(GenerationRequest(PROMPT))).usage.calls == 1
        assert len(server.of(CHAT)) == 3


async def test_a_model_that_would_think_before_it_chooses_is_told_not_to() -> None:
    async with asking(serving(thinker)) as (model, server):
        assert (await model.choose(PROMPT, ["yes", "no"])).values[0] > 0.9
        assert len(server.of(CHAT)) == 2


async def test_a_server_of_another_make_is_not_bothered_with_switches_without_need() -> None:
    async with asking(serving(lambda _: Reply(completion()))) as (model, server):
        await model.generate(GenerationRequest(PROMPT))
        assert not {"chat_template_kwargs", "reasoning_effort"} & set(server.of(CHAT)[0].body)


@pytest.mark.parametrize(
    ("maker", "reasoning", "fields"),
    [
        ("vllm", 0, {"max_tokens": 512, "thinking": False}),
        ("vllm", 300, {"max_tokens": 812, "thinking": True, "thinking_token_budget": 300}),
        ("vllm", "model", {"max_tokens": None, "thinking": True}),
        ("llamacpp", 300, {"max_tokens": 812, "thinking": True, "thinking_budget_tokens": 300}),
        ("openai", 0, {"max_tokens": 512, "thinking": None}),
        ("openai", 300, {"max_tokens": 812, "thinking": True, "reasoning_effort": "low"}),
        ("openai", 3000, {"max_tokens": 3512, "reasoning_effort": "medium"}),
        ("openai", 30_000, {"max_tokens": 30_512, "reasoning_effort": "high"}),
        ("openai", "model", {"max_tokens": None, "reasoning_effort": None}),
    ],
)
async def test_what_a_model_may_think_is_said_to_each_server_in_its_way(
    maker: str, reasoning: Any, fields: dict[str, Any]
) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": maker}]})
        return Reply(completion())

    async with asking(script) as (model, server):
        await model.generate(GenerationRequest(PROMPT, reasoning=reasoning))
        body = server.of(CHAT)[0].body
        told = {**body, "thinking": body.get("chat_template_kwargs", {}).get("enable_thinking")}
        assert {name: told.get(name) for name in fields} == fields


async def test_a_model_whose_template_begins_its_thoughts_shows_none_once_that_is_known() -> None:
    pieces = [chunk("Hm, "), chunk("so.</thi"), chunk("nk>\n\nYes."), chunk(finish="stop"), "[DONE]"]
    async with asking(serving(lambda _: Reply(pieces=pieces))) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT))).text == "Yes."
        shown: list[str] = []
        made = await model.generate(GenerationRequest(PROMPT), on_text=shown.append)
        assert (made.text, made.reasoning, "".join(shown)) == ("Yes.", "Hm, so.", "Yes.")


async def test_a_model_that_always_thinks_is_allowed_to_in_every_call_by_a_setting(tmp_path: Path) -> None:
    told = {"vllm": {"reasoning": 700, "tags": ["plan"], "score_form": "tei"}}
    async with scripted(serving(lambda _: Reply(completion("<plan>Hm.</plan>Yes.")))) as server:
        settings = Settings(home=tmp_path, embedder="light", llm_url=server.url, connectors=told)
        async with Application(settings) as application:
            model = application.container.get(LanguageModel)
            made = await model.generate(GenerationRequest(PROMPT, max_tokens=50))
            assert (made.text, made.reasoning) == ("Yes.", "Hm.")
            await model.generate(GenerationRequest(PROMPT, max_tokens=50, reasoning=900))
            assert [each.body["max_tokens"] for each in server.of(CHAT)] == [750, 950]
            assert await resolved_name(model) != "m", "what is kept of it depends on it"


@pytest.mark.parametrize(
    "told", [{"reasoning": -1}, {"reasoning": "much"}, {"score_form": "odd"}, {"think": 1}]
)
def test_settings_of_the_connector_are_checked(tmp_path: Path, told: dict[str, Any]) -> None:
    settings = Settings(
        home=tmp_path, embedder="light", llm_url="http://127.0.0.1:9", connectors={"vllm": told}
    )
    with pytest.raises(SettingsError, match="vllm"):
        Application(settings).container.get(LanguageModel)


@pytest.mark.parametrize(
    ("last", "shown"),
    [
        (["<|assistant|>", "<think>", "Ċ"], "Yes."),
        (["<|assistant|>", "<th", "ink", ">"], "Yes."),
        (["<|assistant|>", "<think>", "Ċ", "</think>", "Ċ"], "Hm, so.\n\nYes."),
        (["<|assistant|>"], "Hm, so.\n\nYes."),
        (None, "Hm, so.\n\nYes."),
    ],
)
async def test_of_vllm_the_template_is_asked_before_a_thought_is_shown(
    last: list[str] | None, shown: str
) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        if asked.path == "/tokenize":
            return Reply({"tokens": [1], "token_strs": last}) if last else Reply(status=404)
        ends = [chunk("</think>")] if shown == "Yes." else []
        return Reply(pieces=[chunk("Hm, so."), *ends, chunk("\n\nYes."), chunk(finish="stop"), "[DONE]"])

    async with asking(script) as (model, server):
        for _ in range(2):
            pieces: list[str] = []
            made = await model.generate(GenerationRequest(PROMPT), on_text=pieces.append)
            assert "".join(pieces) == made.text == shown
        assert len(server.of("/tokenize")) == 1


async def test_an_answer_without_a_thought_is_shown_though_one_was_expected() -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        if asked.path == "/tokenize":
            return Reply({"tokens": [1], "token_strs": ["<think>"]})
        return Reply(pieces=[chunk("Yes."), chunk(finish="stop"), "[DONE]"])

    async with asking(script) as (model, _):
        pieces: list[str] = []
        assert (
            (await model.generate(GenerationRequest(PROMPT), on_text=pieces.append)).text
            == "".join(pieces)
            == "Yes."
        )


async def test_a_model_that_can_only_think_less_is_told_the_least_that_it_takes() -> None:
    offered = "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'medium', and 'high'."  # noqa: E501

    def chat(asked: Asked) -> Reply:
        if "chat_template_kwargs" in asked.body:
            return openai_says("Unrecognized request argument supplied: chat_template_kwargs", None, "")
        effort = asked.body.get("reasoning_effort")
        if effort == "none":
            return openai_says(offered, "reasoning_effort", "unsupported_value")
        return Reply(completion("Yes.") if effort == "low" else message("length", reasoning="Hm"))

    async with asking(serving(chat)) as (model, server):
        assert [(await model.generate(GenerationRequest(PROMPT))).text for _ in range(2)] == ["Yes.", "Yes."]
        efforts = [each.body.get("reasoning_effort") for each in server.of(CHAT)]
        assert efforts == [None, "none", "none", "low", "low"]
        await model.generate(GenerationRequest(PROMPT, reasoning=5000))
        assert server.of(CHAT)[-1].body["reasoning_effort"] == "medium"


async def test_vllm_without_a_limit_on_thoughts_is_asked_without_one() -> None:
    told = "thinking_token_budget is set but reasoning_config is not configured."

    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        if "thinking_token_budget" in asked.body:
            return openai_says(told, None, "BadRequestError")
        return Reply(completion("<think>Hm.</think>Yes."))

    async with asking(script) as (model, server):
        for _ in range(2):
            made = await model.generate(GenerationRequest(PROMPT, reasoning=100))
            assert (made.text, made.reasoning) == ("Yes.", "Hm.")
        assert len(server.of(CHAT)) == 3


async def test_calls_that_find_out_side_by_side_that_a_model_thinks_are_all_answered() -> None:
    async def slow(asked: Asked) -> Reply:
        await asyncio.sleep(0.02)
        return thinker(asked)

    async with asking(serving(slow)) as (model, _):
        made = await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(8)))
        assert {each.text for each in made} == {"Yes."}


async def test_thoughts_that_are_counted_and_not_shown_are_thoughts() -> None:
    counted = {
        "prompt_tokens": 7,
        "completion_tokens": 512,
        "completion_tokens_details": {"reasoning_tokens": 512},
    }

    def chat(asked: Asked) -> Reply:
        if "reasoning_effort" in asked.body:
            return Reply(completion("Yes."))
        return Reply({**message("length", content=""), "usage": counted})

    async with asking(serving(chat)) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT))).text == "Yes."
    async with asking(serving(lambda _: Reply({**message("length", content=""), "usage": counted}))) as (
        model,
        _,
    ):
        assert (await model.generate(GenerationRequest(PROMPT))).finish == "no_text"


async def test_thoughts_get_what_the_context_has_left() -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 1000}]})
        return Reply(completion())

    async with asking(script) as (model, server):
        await model.generate(GenerationRequest(PROMPT, max_tokens=100, reasoning=30_000))
        await model.generate(GenerationRequest(PROMPT, max_tokens=100, reasoning=50))
        first, second = (each.body["max_tokens"] for each in server.of(CHAT))
        assert 900 < first < 1000
        assert second == 150
