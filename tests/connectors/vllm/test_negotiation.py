"""A field that a server refuses is done without, from then on, whatever its words for it are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.errors import ContextTooLong, ModelError, NoLogProbabilities
from orchestrator.ports import GenerationRequest
from orchestrator.types import Message
from tests.connectors.vllm.faults import (
    anthropic_says,
    fussy,
    gemini_says,
    has,
    lists_more_than,
    litellm_says,
    llamacpp_says,
    mistral_says,
    openai_says,
    pydantic_says,
    schema,
    system,
    tgi_says,
)
from tests.connectors.vllm.test_protocol import asking
from tests.services.scripted import Asked, Reply, chunk, scripted, serving

CHAT = "/v1/chat/completions"
PROMPT = (Message("system", "Be brief."), Message("user", "Is it so?"))


class Verdict(BaseModel):
    so: bool


async def text(model: VllmModel) -> None:
    await model.generate(GenerationRequest(PROMPT, temperature=0.7, top_p=0.9, seed=3))


async def streamed(model: VllmModel) -> None:
    await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


async def structured(model: VllmModel) -> None:
    assert (await model.generate(GenerationRequest(PROMPT, schema=Verdict))).parsed == Verdict(so=True)


async def chosen(model: VllmModel) -> None:
    assert (await model.choose(PROMPT, ["yes", "no"])).values[0] > 0.9


async def thinking(model: VllmModel) -> None:
    await model.generate(GenerationRequest(PROMPT, reasoning=500))


LEFT_OUT = [
    ("max_tokens", text, has("max_tokens"), openai_says(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
        "instead.", "max_tokens")),
    ("max_tokens", text, has("max_tokens"), litellm_says(
        'litellm.BadRequestError: OpenAIException - {"error": {"message": "Unsupported parameter: '
        '\'max_tokens\'. Use \'max_completion_tokens\' instead.", "param": "max_tokens"}}')),
    ("max_tokens", text, has("max_tokens"), pydantic_says("max_tokens", "use max_completion_tokens")),
    ("temperature", text, has("temperature"), openai_says(
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value "
        "is supported.", "temperature", "unsupported_value")),
    ("temperature", text, has("temperature"), tgi_says(
        "Input validation error: `temperature` must be strictly positive")),
    ("temperature", text, has("temperature"), anthropic_says("temperature: range: 0..1")),
    ("top_p", text, has("top_p"), openai_says("Unsupported parameter: 'top_p' is not supported.", "top_p")),
    ("top_p", text, has("top_p"), anthropic_says(
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")),
    ("seed", text, has("seed"), gemini_says(
        'Invalid JSON payload received. Unknown name "seed": Cannot find field.')),
    ("seed", text, has("seed"), mistral_says("seed")),
    ("seed", text, has("seed"), litellm_says(
        "litellm.UnsupportedParamsError: vertex_ai does not support parameters: ['seed'], for model=m.")),
    ("seed", text, has("seed"), openai_says("Unrecognized request argument supplied: seed", None, "")),
    ("stream_options", streamed, has("stream_options"), mistral_says("stream_options")),
    ("stream_options", streamed, has("stream_options"), openai_says(
        "Unrecognized request argument supplied: stream_options", None, "")),
    ("stream_options", streamed, has("stream_options"), gemini_says(
        'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.')),
    ("stop", structured, has("stop"), openai_says(
        "Unsupported parameter: 'stop' is not supported with this model.", "stop")),
    ("stop", structured, has("stop"), anthropic_says(
        "stop_sequences: each stop sequence must contain non-whitespace")),
    ("stop", structured, has("stop"), openai_says("property 'stop' is unsupported", None, "")),
    ("chat_template_kwargs", thinking, has("chat_template_kwargs"), openai_says(
        "Unrecognized request argument supplied: chat_template_kwargs", None, "")),
    ("chat_template_kwargs", thinking, has("chat_template_kwargs"), pydantic_says("chat_template_kwargs")),
    ("reasoning_effort", thinking, has("reasoning_effort"), openai_says(
        "Unrecognized request argument supplied: reasoning_effort", None, "")),
    ("reasoning_effort", thinking, has("reasoning_effort"), llamacpp_says(
        "Unsupported param: reasoning_effort")),
    ("chat_template_kwargs", thinking, has("chat_template_kwargs"), openai_says(
        "chat_template is absent for this tokenizer", None, "")),
]  # fmt: skip


@pytest.mark.quick(every=4)
@pytest.mark.parametrize(("field", "ask", "refused", "reply"), LEFT_OUT)
async def test_a_refused_field_is_asked_with_once_and_never_again(
    field: str, ask: Any, refused: Callable[[Any], bool], reply: Reply
) -> None:
    async with asking(fussy((refused, reply), text='{"so": true}')) as (model, server):
        for _ in range(2):
            await ask(model)
        bodies = [each.body for each in server.of(CHAT)]
        assert [field in body for body in bodies] == [True, False, False]
        if field == "max_tokens":
            assert bodies[1]["max_completion_tokens"] == bodies[0]["max_tokens"]
        assert len(model.negotiated) == 1


SCHEMAS = [
    ("json_object", openai_says(
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "response_format")),
    ("json_object", openai_says(
        "This model does not support response format `json_schema`. See supported models.", None, "")),
    ("json_object", tgi_says(
        "Failed to deserialize the JSON body into the target type: response_format: unknown variant "
        "`json_schema`, expected one of `json_object`, `regex` at line 1 column 90")),
    ("json_object", llamacpp_says(
        'response_format type must be one of "text" or "json_object", but got: json_schema')),
    ("json_object", openai_says(
        "Invalid schema for response_format 'Verdict': In context=(), 'additionalProperties' is required to "
        "be supplied and to be false.", "response_format", "invalid_json_schema")),
    ("json_object", llamacpp_says("JSON schema conversion failed: Unrecognized schema: {}", 500)),
    ("json_object", Reply({"error": "failed to parse grammar"}, 500)),
    (None, mistral_says("response_format")),
    (None, gemini_says('Invalid JSON payload received. Unknown name "response_format": Cannot find field.')),
    (None, pydantic_says("response_format")),
]  # fmt: skip


@pytest.mark.parametrize(("then", "reply"), SCHEMAS)
async def test_a_schema_that_cannot_be_held_is_put_into_the_prompt(then: str | None, reply: Reply) -> None:
    refused = schema if then else has("response_format")
    async with asking(fussy((refused, reply), text='Here: {"so": true}')) as (model, server):
        for _ in range(2):
            await structured(model)
        first, *others = [each.body for each in server.of(CHAT)]
        assert len(others) == 2
        for body in others:
            assert body.get("response_format", {}).get("type") == then
            assert '"so"' in body["messages"][-1]["content"]
            assert "JSON" in body["messages"][-1]["content"]
        assert first["response_format"]["type"] == "json_schema"


async def test_a_server_that_holds_no_reply_to_json_is_asked_in_words() -> None:
    no_schema = openai_says(
        "response_format json_schema is not supported, use json_object", "response_format"
    )
    none = openai_says("'response_format' is not supported with this model", "response_format")
    async with asking(fussy((schema, no_schema), (has("response_format"), none), text='{"so": true}')) as (
        model,
        server,
    ):
        for _ in range(2):
            await structured(model)
        kinds = [each.body.get("response_format", {}).get("type") for each in server.of(CHAT)]
        assert kinds == ["json_schema", "json_object", None, None]
        assert server.of(CHAT)[-1].body["messages"][-1]["content"].count("JSON schema") == 1


async def test_one_schema_that_cannot_be_held_says_nothing_of_others() -> None:
    class Other(BaseModel):
        so: bool

    def odd(body: Any) -> bool:
        return schema(body) and body["response_format"]["json_schema"]["name"] == "Verdict"

    reply = openai_says("Invalid schema for response_format 'Verdict': 'pattern' is not permitted.")
    async with asking(fussy((odd, reply), text='{"so": true}')) as (model, server):
        await structured(model)
        await model.generate(GenerationRequest(PROMPT, schema=Other))
        assert schema(server.of(CHAT)[-1].body)


SYSTEMS = [
    openai_says(
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "messages[0].role",
        "unsupported_value",
    ),
    openai_says("System role not supported", None, ""),
    openai_says("Conversation roles must alternate user/assistant/user/assistant/...", None, ""),
    gemini_says("Developer instruction is not enabled for models/gemma-3-4b-it"),
    llamacpp_says("this custom template is not supported: system role not supported"),
]


@pytest.mark.parametrize("reply", SYSTEMS)
async def test_the_words_of_a_system_are_put_before_those_of_the_user(reply: Reply) -> None:
    async with asking(fussy((system, reply))) as (model, server):
        for _ in range(2):
            await model.generate(GenerationRequest(PROMPT))
        assert len(server.of(CHAT)) == 3
        assert server.of(CHAT)[-1].body["messages"] == [{"role": "user", "content": "Be brief.\n\nIs it so?"}]


LISTS = [
    (5, openai_says("Invalid value for 'top_logprobs': must be less than or equal to 5.", "top_logprobs")),
    (8, openai_says("top_logprobs must be between 0 and 8", "top_logprobs")),
    (5, openai_says("Requested sample logprobs of 20, which is greater than max allowed: 5", None, "")),
    (5, openai_says("`top_logprobs` is not supported in this size", None, "")),
]


@pytest.mark.parametrize(("most", "reply"), LISTS)
async def test_fewer_of_the_likeliest_tokens_will_do(most: int, reply: Reply) -> None:
    async with asking(fussy((lists_more_than(most), reply))) as (model, server):
        for _ in range(2):
            await chosen(model)
        assert [each.body["top_logprobs"] for each in server.of(CHAT)] == [20, most, most]


NO_LOGPROBS = [
    openai_says("logprobs are not supported with this model.", "logprobs"),
    openai_says("property 'logprobs' is unsupported", None, ""),
    mistral_says("logprobs"),
    gemini_says('Invalid JSON payload received. Unknown name "logprobs": Cannot find field.'),
    tgi_says("Input validation error: `logprobs` is not supported"),
]


@pytest.mark.parametrize("reply", NO_LOGPROBS)
async def test_a_server_that_has_no_log_probabilities_is_asked_for_them_once(reply: Reply) -> None:
    async with asking(fussy((has("logprobs"), reply))) as (model, server):
        for _ in range(3):
            with pytest.raises(NoLogProbabilities):
                await model.choose(PROMPT, ["yes", "no"])
        assert len(server.of(CHAT)) == 1


async def test_many_fields_that_are_refused_at_once_are_left_out_at_once() -> None:
    reply = litellm_says("UnsupportedParamsError: azure does not support parameters: ['seed', 'top_p'].")
    async with asking(fussy((has("seed"), reply), (has("top_p"), reply))) as (model, server):
        await text(model)
        assert len(server.of(CHAT)) == 2


async def test_fields_that_are_refused_one_after_the_other_are_left_out_one_by_one() -> None:
    """As OpenAI's models that reason refuse them."""
    names = ("max_tokens", "temperature", "top_p", "seed")
    refusals = [(has(name), openai_says(f"Unsupported parameter: '{name}'.", name)) for name in names]
    async with asking(fussy(*refusals)) as (model, server):
        await text(model)
        await text(model)
        assert len(server.of(CHAT)) == 6
        assert not set(names) & set(server.of(CHAT)[-1].body)


async def test_requests_that_are_refused_side_by_side_are_all_answered() -> None:
    reply = openai_says("Unsupported parameter: 'max_tokens' is not supported.", "max_tokens")
    slow = Reply(reply.body, reply.status, seconds=0.05)
    async with asking(fussy((has("max_tokens"), slow))) as (model, _):
        made = await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(12)))
        assert {each.text for each in made} == {"good"}


async def test_a_request_that_is_simply_wrong_keeps_its_error_and_teaches_nothing() -> None:
    wrong = openai_says("'seed' is unsupported, and 'messages' is too short.", "seed")
    async with asking(serving(lambda _: wrong)) as (model, server):
        with pytest.raises(ModelError, match="too short"):
            await text(model)
        assert len(server.of(CHAT)) == 2
        assert model.negotiated == []


async def test_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    def chat(asked: Asked) -> Reply:
        name = next((each for each in asked.body if each not in ("model", "messages")), "model")
        return openai_says(f"Unsupported parameter: '{name}'.", name)

    async with asking(serving(chat)) as (model, server):
        with pytest.raises(ModelError, match="refuses a request"):
            await text(model)
        assert len(server.of(CHAT)) <= 9


@pytest.mark.parametrize(
    "message",
    ["Invalid 'messages[0].content': string too long.", "An unknown error occurred.", "Invalid image."],
)
async def test_what_names_no_field_of_ours_is_an_error_at_once(message: str) -> None:
    async with asking(serving(lambda _: openai_says(message, None, ""))) as (model, server):
        with pytest.raises(ModelError):
            await text(model)
        assert len(server.of(CHAT)) == 1


async def test_a_prompt_that_is_too_long_is_no_refusal_of_max_tokens() -> None:
    reply = openai_says("'max_tokens' is too large: 512. This model's maximum context length is 300 tokens.")
    async with asking(serving(lambda _: reply)) as (model, server):
        with pytest.raises(ContextTooLong):
            await text(model)
        assert len(server.of(CHAT)) == 1


async def test_a_limit_on_the_length_of_replies_is_kept() -> None:
    reply = openai_says("max_tokens is too large: 9000. This model supports at most 4096 completion tokens.")
    async with asking(fussy((lambda body: body.get("max_tokens", 0) > 4096, reply))) as (model, server):
        for _ in range(2):
            await model.generate(GenerationRequest(PROMPT, max_tokens=9000))
        assert [each.body["max_tokens"] for each in server.of(CHAT)] == [9000, 4096, 4096]


async def test_a_field_that_the_settings_ask_for_is_not_left_out() -> None:
    reply = openai_says("Unrecognized request argument supplied: reasoning_effort", None, "")
    async with scripted(fussy((has("reasoning_effort"), reply))) as server:
        model = VllmModel(Servers(addresses(server.url)), options={"reasoning_effort": "low"})
        with pytest.raises(ModelError, match="reasoning_effort"):
            await model.generate(GenerationRequest(PROMPT))
        await model.close()


async def test_each_server_is_asked_in_its_own_way() -> None:
    reply = openai_says("Unsupported parameter: 'max_tokens'.", "max_tokens")
    async with scripted(fussy((has("max_tokens"), reply))) as one, scripted(fussy()) as two:
        model = VllmModel(Servers(addresses([one.url, two.url])), "m")
        await asyncio.gather(*(model.generate(GenerationRequest(PROMPT)) for _ in range(20)))
        assert all("max_tokens" in each.body for each in two.of(CHAT))
        assert [each for each in one.of(CHAT)[-1:] if "max_completion_tokens" in each.body]
        await model.close()


async def test_tenants_share_what_was_negotiated(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="orchestrator.models")
    reply = openai_says("Unsupported parameter: 'max_tokens'.", "max_tokens")
    async with asking(fussy((has("max_tokens"), reply))) as (model, server):
        for tenant in ("a", "b"):
            await model.for_tenant(tenant).generate(GenerationRequest(PROMPT))
        assert len(server.of(CHAT)) == 3
    assert sum("max_completion_tokens" in each.getMessage() for each in caplog.records) == 1


async def test_a_refusal_that_comes_with_a_status_of_success_is_one() -> None:
    told = {"error": {"message": "Unsupported parameter: 'seed'", "code": 400, "param": "seed"}}
    async with asking(fussy((has("seed"), Reply(told)))) as (model, server):
        await text(model)
        assert len(server.of(CHAT)) == 2


async def test_a_refusal_in_a_stream_is_one() -> None:
    def chat(asked: Asked) -> Reply:
        if "stream_options" in asked.body:
            return Reply(pieces=[{"error": {"message": "stream_options is not supported", "code": 400}}])
        return Reply(pieces=[chunk("good"), chunk(finish="stop"), "[DONE]"])

    async with asking(serving(chat)) as (model, server):
        assert (await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)).text == "good"
        assert len(server.of(CHAT)) == 2
