"""Every error of a server becomes one of ours, with a next step, whatever words the server has for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from orchestrator.errors import (
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelOverloaded,
    ModelUnreachable,
    UnknownModel,
)
from orchestrator.ports import GenerationRequest
from tests.connectors.vllm.faults import (
    anthropic_says,
    gemini_says,
    litellm_says,
    llamacpp_says,
    openai_says,
    tgi_says,
)
from tests.connectors.vllm.test_protocol import PROMPT, asking
from tests.services.scripted import Reply, serving

CHAT = "/v1/chat/completions"

TOO_LONG = {
    "OpenAI": openai_says(
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "messages",
        "context_length_exceeded",
    ),
    "vLLM": openai_says("The decoder prompt (length 9000) is longer than the maximum model length of 8192."),
    "SGLang": openai_says("The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    "llama.cpp": llamacpp_says("the request exceeds the available context size, try increasing it"),
    "llama.cpp of before": llamacpp_says("input is too large to process. increase the batch size", 500),
    "TGI": tgi_says(
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000"
    ),
    "TGI, inputs": tgi_says("Input validation error: `inputs` must have less than 1024 tokens. Given: 5000"),
    "Anthropic": anthropic_says("prompt is too long: 208310 tokens > 200000 maximum"),
    "Anthropic, with the answer": anthropic_says(
        "input length and `max_tokens` exceed context limit: 197000 + 8192 > 200000"
    ),
    "Gemini": gemini_says(
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    ),
    "Mistral": openai_says("Prompt contains 40000 tokens and 0 draft tokens, too large for the model"),
    "Groq": openai_says("Please reduce the length of the messages or completion.", "messages"),
    "Groq, a minute's tokens": Reply(
        {"error": {"message": "Request too large for model `m` on tokens per minute (TPM): Limit 6000"}}, 413
    ),
    "OpenAI, a minute's tokens": Reply(
        {"error": {"message": "Request too large for m on tokens per min (TPM): Limit 10000"}}, 429
    ),
    "Cohere": Reply({"message": "too many tokens: size limit exceeded"}, 400),
    "LiteLLM": litellm_says("litellm.ContextWindowExceededError: maximum context length is 8192 tokens"),
    "a proxy": Reply("Payload Too Large", 413),
    "in a stream or with a status of success": Reply(
        {"error": {"message": "This model's maximum context length is 8192 tokens", "code": 400}}
    ),
}


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("who", TOO_LONG)
async def test_a_prompt_that_is_too_long_is_named_so_by_everybody(who: str) -> None:
    async with asking(serving(lambda _: TOO_LONG[who])) as (model, server):
        with pytest.raises(ContextTooLong) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert server.url in str(raised.value)
        assert "fewer or shorter passages" in raised.value.hint
        assert len(server.of(CHAT)) == 1


OTHERS: list[tuple[str, Any, type[ModelError], str]] = [
    (
        "Gemini's key",
        gemini_says("API key not valid. Please pass a valid API key."),
        ModelKeyRefused,
        "llm_api_key",
    ),
    ("403", Reply({"error": {"message": "forbidden"}}, 403), ModelKeyRefused, "llm_api_key"),
    ("200 with 401", Reply({"error": {"message": "no key", "code": 401}}), ModelKeyRefused, "llm_api_key"),
    (
        "Azure",
        Reply({"error": {"code": "DeploymentNotFound", "message": "It does not exist."}}, 404),
        UnknownModel,
        "llm_model",
    ),
    (
        "Ollama",
        Reply({"error": {"message": 'model "m" not found, try pulling it first'}}, 404),
        UnknownModel,
        "llm_model",
    ),
    (
        "LiteLLM",
        litellm_says("/chat/completions: Invalid model name passed in model=m."),
        UnknownModel,
        "llm_model",
    ),
    (
        "Anthropic",
        Reply({"type": "error", "error": {"type": "not_found_error", "message": "model: m"}}, 404),
        UnknownModel,
        "llm_model",
    ),
    ("no credit", Reply({"error": {"message": "Insufficient balance"}}, 402), ModelOverloaded, "credit"),
    (
        "no quota",
        Reply({"error": {"message": "quota", "code": "insufficient_quota"}}, 429),
        ModelOverloaded,
        "credit",
    ),
    (
        "OpenAI's thinker",
        openai_says("Could not finish the message because max_tokens or model output limit was reached."),
        ModelError,
        "connectors.vllm.reasoning",
    ),
    ("HTML", Reply("<html>Bad gateway</html>", 404), ModelUnreachable, "llm_url"),
    ("a list", Reply([1, 2]), ModelUnreachable, "llm_url"),
    ("a number", Reply("7"), ModelUnreachable, "llm_url"),
    ("nothing", Reply(""), ModelUnreachable, "llm_url"),
    ("half a JSON", Reply('{"choices": [{"mess'), ModelUnreachable, "llm_url"),
    ("an unknown error", Reply({"error": {"message": "odd"}}), ModelError, "log"),
    ("an error in words", Reply({"error": "odd"}), ModelError, "log"),
    ("choices of nothing", Reply({"choices": [None, 7, "x"]}), ModelError, "log"),
    ("choices of another kind", Reply({"choices": "x"}), ModelError, "log"),
]


@pytest.mark.quick(every=4)
@pytest.mark.parametrize(("who", "reply", "error", "hint"), OTHERS)
async def test_what_does_not_pass_is_an_error_with_a_next_step(
    who: str, reply: Reply, error: type[ModelError], hint: str
) -> None:
    async with asking(serving(lambda _: reply)) as (model, server):
        for on_text in (None, lambda _: None):
            with pytest.raises(error) as raised:
                await model.generate(GenerationRequest(PROMPT), on_text=on_text)
            # A stream that holds nothing at all was broken off.
            assert hint in raised.value.hint or who == "nothing"
            assert raised.value.message[0].isupper() or raised.value.message.startswith(("the model", "http"))
        assert len(server.of(CHAT)) == 2 or who == "nothing"


def later(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


WAITS = [
    (Reply({"error": "busy"}, 429, {"Retry-After": "90"}), 90),
    (Reply({"error": "busy"}, 429, {"Retry-After": "89.6"}), 90),
    (lambda: Reply({"error": "busy"}, 503, {"Retry-After": later(90)}), 90),
    (Reply({"error": "busy"}, 429, {"retry-after-ms": "90000"}), 90),
    (Reply({"error": "busy"}, 429, {"Retry-After": "1m30s"}), 90),
    (Reply({"error": {"message": "Rate limit reached. Please try again in 1m30s."}}, 429), 90),
    (Reply({"error": {"message": "Rate limit reached. Please try again in 90.2s. Visit us."}}, 429), 90),
    (
        Reply(
            [
                {
                    "error": {
                        "code": 429,
                        "message": "quota",
                        "details": [{"@type": "RetryInfo", "retryDelay": "90s"}],
                    }
                }
            ],
            429,
        ),
        90,
    ),
    (Reply({"type": "error", "error": {"type": "overloaded_error"}}, 529, {"Retry-After": "90"}), 90),
    (Reply({"error": {"message": "slow down: retry in 90s", "type": "rate_limit_error"}}), 90),
]


@pytest.mark.parametrize(("reply", "seconds"), WAITS)
async def test_a_server_says_in_many_ways_how_long_to_wait(reply: Any, seconds: int) -> None:
    async with asking(serving(lambda _: reply if isinstance(reply, Reply) else reply())) as (model, server):
        with pytest.raises(ModelOverloaded) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert abs(raised.value.retry_after - seconds) <= 1
        assert raised.value.retryable
        assert len(server.of(CHAT)) == 1, "nobody waits so long"


@pytest.mark.parametrize("told", ["soon", "-5", "", "NaN"])
async def test_a_wait_that_is_none_is_not_kept(told: str) -> None:
    reply = Reply({"error": "busy"}, 429, {"Retry-After": told})
    async with asking(serving(lambda _: reply), attempts=1) as (model, _):
        with pytest.raises(ModelOverloaded) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert not hasattr(raised.value, "retry_after")
