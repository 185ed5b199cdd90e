"""The checks of `llama-index-llms-openai-like`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from benchmarks.client_checks.checks import (
    ASKED,
    CALL,
    SLOW,
    TOLD,
    Check,
    at_end,
    holds,
    raises,
    stopped,
)


def of_llama_index(url: str, key: str, model_server: str) -> Iterator[tuple[str, Check]]:
    import openai
    from llama_index.core.llms import ChatMessage
    from llama_index.core.tools import FunctionTool
    from llama_index.llms.openai_like import OpenAILike

    def llm(model: str = "chat", key: str = key, **how: Any) -> Any:
        return OpenAILike(
            model=model, api_base=f"{url}/v1", api_key=key, is_chat_model=True, max_retries=0, **how
        )

    def chat(*turns: tuple[str, str], **how: Any) -> Any:
        return llm(**how).chat([ChatMessage(role=role, content=text) for role, text in turns])

    async def at_once() -> str:
        turns = [ChatMessage(role="user", content=ASKED)]
        said = "".join([piece.delta or "" async for piece in await llm().astream_chat(turns)])
        assert said == (await llm().achat(turns)).message.content
        return said

    async def give_up() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in await llm().astream_chat([ChatMessage(role="user", content=SLOW)]):
                begun.set()

        # Its generator leaves the connection open when it is closed, not when its task is cancelled.
        reading = asyncio.ensure_future(read())
        await begun.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asked = ("user", ASKED)
    yield "plain", lambda: holds(llm().complete(ASKED).text, "noon", "[1]")
    yield "stream", lambda: holds("".join(each.delta or "" for each in llm().stream_complete(ASKED)), "[1]")
    yield "usage", lambda: holds(chat(asked).raw.usage.total_tokens > 0, "True")
    counted = {"additional_kwargs": {"stream_options": {"include_usage": True}}}
    last = lambda: [*llm(**counted).stream_chat([ChatMessage(role="user", content=ASKED)])][-1]  # noqa: E731
    yield "usage in a stream", lambda: holds(last().raw.usage.total_tokens > 0, "True")
    yield "async", lambda: holds(at_end(at_once()), "noon")
    yield "history", lambda: holds(chat(asked, ("assistant", "At noon."), ("user", "And in winter?")), "[1]")
    yield "system message", lambda: holds(chat(("system", TOLD), asked), "CAPTAIN")
    called = [
        ChatMessage(role="user", content=ASKED),
        ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": [CALL]}),
        ChatMessage(role="tool", content="noon", additional_kwargs={"tool_call_id": "c1"}),
        ChatMessage(role="user", content="And in winter?"),
    ]
    yield "tools and pictures in the history", lambda: holds(llm().chat(called), "[1]")
    calls = llm(is_function_calling_model=True)
    look = FunctionTool.from_defaults(lambda what: "noon", name="look", description="Look it up.")
    yield "tools, auto", lambda: holds(calls.chat_with_tools([look], user_msg=ASKED), "noon")
    forced = lambda: calls.chat_with_tools([look], user_msg=ASKED, tool_required=True)  # noqa: E731
    yield "tools, required", lambda: raises(openai.BadRequestError, forced, "tool")
    stop = {"additional_kwargs": {"stop": ["noon"]}}
    yield "stop", lambda: str(holds("noon" in llm(**stop).complete(ASKED).text, "False"))
    yield "max_tokens", lambda: holds(chat(asked, max_tokens=2).raw.choices[0].finish_reason, "length")
    yield "temperature", lambda: holds(chat(asked, temperature=0.5), "noon")
    form = {"additional_kwargs": {"response_format": {"type": "json_object"}}}
    bad = openai.BadRequestError
    yield "JSON mode", lambda: raises(bad, lambda: chat(asked, **form), "response_format")
    yield "giving up", lambda: stopped(lambda: at_end(give_up()), model_server)
    missing = openai.NotFoundError
    yield "an unknown model", lambda: raises(missing, lambda: chat(asked, model="none"), "Models: ")
    wrong = openai.AuthenticationError
    yield "a wrong key", lambda: raises(wrong, lambda: chat(asked, key="wrong-key"), "key")
    yield (
        "too long a question",
        lambda: raises(bad, lambda: llm().complete("word " * 10_000), "context_length"),
    )
