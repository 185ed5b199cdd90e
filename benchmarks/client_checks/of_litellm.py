"""The checks of `litellm`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.client_checks.checks import (
    ASKED,
    CALL,
    PICTURE,
    SCHEMA,
    SLOW,
    TOLD,
    TOOL,
    Check,
    at_end,
    holds,
    raises,
    stopped,
)


def of_litellm(url: str, key: str, model_server: str) -> Iterator[tuple[str, Check]]:
    import litellm

    litellm.suppress_debug_info = True
    where = {"api_base": f"{url}/v1", "num_retries": 0}

    def complete(
        question: Any = ASKED, *before: Any, model: str = "chat", key: str = key, **fields: Any
    ) -> Any:
        messages = [*before, {"role": "user", "content": question}]
        return litellm.completion(model=f"openai/{model}", messages=messages, api_key=key, **where, **fields)

    def text(*given: Any, **fields: Any) -> str:
        if not fields.get("stream"):
            return complete(*given, **fields).choices[0].message.content
        chunks = [*complete(*given, **fields)]
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def usage_streamed() -> str:
        *_, last = complete(stream=True, stream_options={"include_usage": True})
        assert last.usage.total_tokens > 0
        return str(last.usage.total_tokens)

    def asking(question: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": question}]
        return {"model": "openai/chat", "messages": messages, "api_key": key, **where}

    async def at_once() -> str:
        asked = asking(ASKED)
        whole = await litellm.acompletion(**asked)
        pieces = await litellm.acompletion(**asked, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in pieces])
        assert said == whole.choices[0].message.content
        return said

    async def give_up() -> None:
        pieces = await litellm.acompletion(**asking(SLOW), stream=True)
        await anext(pieces.__aiter__())
        await pieces.aclose()

    bad = litellm.BadRequestError
    history = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "At noon."}]
    called = [{"role": "user", "content": [{"type": "text", "text": ASKED}, PICTURE]},
              {"role": "assistant", "content": None, "tool_calls": [CALL]},
              {"role": "tool", "tool_call_id": "c1", "content": "noon"}]  # fmt: skip
    yield "plain", lambda: holds(text(), "noon", "[1]")
    yield "stream", lambda: holds(text(stream=True), "noon", "[1]")
    yield "usage", lambda: holds(complete().usage.total_tokens > 0, "True")
    yield "usage in a stream", usage_streamed
    yield "async", lambda: holds(at_end(at_once()), "noon")
    yield "history", lambda: holds(text("And in winter?", *history), "[1]")
    yield "system message", lambda: holds(text(ASKED, {"role": "system", "content": TOLD}), "CAPTAIN")
    yield "tools and pictures in the history", lambda: holds(text("And in winter?", *called), "[1]")
    yield "tools, auto", lambda: holds(text(tools=[TOOL]), "noon")
    yield "tools, required", lambda: raises(bad, lambda: text(tools=[TOOL], tool_choice="required"), "tool")
    form = {"type": "json_schema", "json_schema": {"name": "d", "schema": SCHEMA, "strict": True}}
    yield "JSON schema", lambda: raises(bad, lambda: text(response_format=form), "response_format")
    yield "stop", lambda: str(holds("noon" in text(stop=["noon"]), "False"))
    yield "max_tokens", lambda: holds(complete(max_tokens=2).choices[0].finish_reason, "length")
    yield "temperature, top_p, seed", lambda: holds(text(temperature=0.5, top_p=0.9, seed=3), "noon")
    yield "giving up", lambda: stopped(lambda: at_end(give_up()), model_server)
    missing = litellm.NotFoundError
    yield "an unknown model", lambda: raises(missing, lambda: text(model="none"), "Models: ")
    wrong = litellm.AuthenticationError
    yield "a wrong key", lambda: raises(wrong, lambda: text(key="wrong-key"), "key")
    too_long = litellm.ContextWindowExceededError
    yield "too long a question", lambda: raises((too_long, bad), lambda: text("word " * 10_000), "characters")
