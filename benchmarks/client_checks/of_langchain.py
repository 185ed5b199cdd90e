"""The checks of `langchain-openai`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.client_checks.checks import (
    ASKED,
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


def of_langchain(url: str, key: str, model_server: str) -> Iterator[tuple[str, Check]]:
    import openai
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
    from langchain_openai import ChatOpenAI

    def chat(model: str = "chat", key: str = key, **how: Any) -> Any:
        return ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=model, max_retries=0, **how)

    def streamed(**how: Any) -> Any:
        whole: Any = None
        for piece in chat(**how).stream(ASKED):
            whole = piece if whole is None else whole + piece
        return whole

    async def at_once() -> str:
        said = "".join([piece.content async for piece in chat().astream(ASKED)])
        assert said == (await chat().ainvoke(ASKED)).content
        return said

    async def give_up() -> None:
        pieces = chat().astream(SLOW)
        await anext(pieces)
        await pieces.aclose()

    bad = openai.BadRequestError
    history = [HumanMessage(ASKED), AIMessage("At noon."), HumanMessage("And in winter?")]
    called = [HumanMessage([{"type": "text", "text": ASKED}, PICTURE]),
              AIMessage("", tool_calls=[{"id": "c1", "name": "look", "args": {}}]),
              ToolMessage("noon", tool_call_id="c1"), HumanMessage("And in winter?")]  # fmt: skip
    yield "plain", lambda: holds(chat().invoke(ASKED).content, "noon", "[1]")
    yield "stream", lambda: holds(streamed().content, "noon", "[1]")
    yield "usage", lambda: holds(chat().invoke(ASKED).usage_metadata["total_tokens"] > 0, "True")
    yield (
        "usage in a stream",
        lambda: holds(streamed(stream_usage=True).usage_metadata["total_tokens"] > 0, "True"),
    )
    yield "async", lambda: holds(at_end(at_once()), "noon")
    yield "batch", lambda: holds([each.content for each in chat().batch([ASKED, ASKED])], "noon")
    yield "history", lambda: holds(chat().invoke(history).content, "[1]")
    told = [SystemMessage(TOLD), HumanMessage(ASKED)]
    yield "system message", lambda: holds(chat().invoke(told).content, "CAPTAIN")
    yield "tools and pictures in the history", lambda: holds(chat().invoke(called).content, "[1]")
    yield "tools, auto", lambda: holds(chat().bind_tools([TOOL]).invoke(ASKED).content, "noon")
    required = lambda: chat().bind_tools([TOOL], tool_choice="any").invoke(ASKED)  # noqa: E731
    yield "tools, required", lambda: raises(bad, required, "tool")
    form = lambda: chat().with_structured_output(SCHEMA, method="json_schema").invoke(ASKED)  # noqa: E731
    yield "JSON schema", lambda: raises(bad, form, "response_format")
    calling = lambda: chat().with_structured_output(SCHEMA, method="function_calling").invoke(ASKED)  # noqa: E731
    yield "structured by a tool", lambda: raises(bad, calling, "tool")
    yield "stop", lambda: str(holds("noon" in chat(stop_sequences=["noon"]).invoke(ASKED).content, "False"))
    reason = lambda: chat(max_tokens=2).invoke(ASKED).response_metadata["finish_reason"]  # noqa: E731
    yield "max_tokens", lambda: holds(reason(), "length")
    warm = {"temperature": 0.5, "top_p": 0.9, "seed": 3}
    yield "temperature, top_p, seed", lambda: holds(chat(**warm).invoke(ASKED).content, "noon")
    yield "giving up", lambda: stopped(lambda: at_end(give_up()), model_server)
    missing = openai.NotFoundError
    yield "an unknown model", lambda: raises(missing, lambda: chat("none").invoke(ASKED), "Models: ")
    wrong = openai.AuthenticationError
    yield "a wrong key", lambda: raises(wrong, lambda: chat(key="wrong-key").invoke(ASKED), "key")
    yield (
        "too long a question",
        lambda: raises(bad, lambda: chat().invoke("word " * 10_000), "context_length"),
    )
