"""The checks of `openai` for Python."""

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


def of_openai(url: str, key: str, model_server: str) -> Iterator[tuple[str, Check]]:
    import openai

    def client(key: str = key, **how: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60, **how)

    def create(question: Any = ASKED, *before: Any, model: str = "chat", **fields: Any) -> Any:
        messages = [*before, {"role": "user", "content": question}]
        return client().chat.completions.create(model=model, messages=messages, **fields)

    def text(*given: Any, **fields: Any) -> str:
        if not fields.get("stream"):
            return create(*given, **fields).choices[0].message.content
        chunks = [chunk for chunk in create(*given, **fields) if chunk.choices]
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    def finish(*given: Any, **fields: Any) -> str:
        return create(*given, **fields).choices[0].finish_reason

    def usage_streamed() -> str:
        *_, last = create(stream=True, stream_options={"include_usage": True})
        assert last.usage.total_tokens > 0
        return str(last.usage.total_tokens)

    async def at_once() -> str:
        one = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        asked = [{"role": "user", "content": ASKED}]
        whole = await one.chat.completions.create(model="chat", messages=asked)
        pieces = await one.chat.completions.create(model="chat", messages=asked, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in pieces])
        assert said == whole.choices[0].message.content
        return said

    def give_up() -> None:
        with create(SLOW, stream=True) as stream:
            next(iter(stream))
            next(iter(stream))

    def helper() -> str:
        messages: Any = [{"role": "user", "content": ASKED}]
        with client().chat.completions.stream(model="chat", messages=messages) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion().choices[0].message.content or ""

    bad = openai.BadRequestError
    history = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "At noon."}]
    tools = [{"role": "user", "content": [{"type": "text", "text": ASKED}, PICTURE]},
             {"role": "assistant", "content": None, "tool_calls": [CALL]},
             {"role": "tool", "tool_call_id": "c1", "content": "noon"}]  # fmt: skip
    yield "plain", lambda: holds(text(), "noon", "[1]")
    yield "citations", lambda: holds(create().model_extra["citations"][0]["text"], "noon")
    yield "annotations", lambda: holds(create().choices[0].message.annotations[0].url_citation.url, "file:")
    yield "stream", lambda: holds(text(stream=True), "noon", "[1]")
    yield "stream helper", lambda: holds(helper(), "noon")
    yield "usage", lambda: holds(create().usage.total_tokens > 0, "True")
    yield "usage in a stream", usage_streamed
    yield "async", lambda: holds(at_end(at_once()), "noon")
    yield "history", lambda: holds(text("And in winter?", *history), "[1]")
    yield "system message", lambda: holds(text(ASKED, {"role": "system", "content": TOLD}), "CAPTAIN")
    yield "developer message", lambda: holds(text(ASKED, {"role": "developer", "content": TOLD}), "CAPTAIN")
    yield "tools and pictures in the history", lambda: holds(text("And in winter?", *tools), "[1]")
    yield "a picture in the question", lambda: raises(bad, lambda: text([PICTURE]), "reads text only")
    yield "tools, auto", lambda: holds(text(tools=[TOOL]), "noon")
    yield "tools, required", lambda: raises(bad, lambda: text(tools=[TOOL], tool_choice="required"), "tool")
    form = {"type": "json_schema", "json_schema": {"name": "d", "schema": SCHEMA, "strict": True}}
    yield "JSON schema", lambda: raises(bad, lambda: text(response_format=form), "response_format")
    yield "log-probabilities", lambda: raises(bad, lambda: text(logprobs=True), "logprobs")
    yield "two choices", lambda: raises(bad, lambda: text(n=2), "one answer")
    yield "stop", lambda: str(holds("noon" in text(stop="noon"), "False"))
    yield "stop in a stream", lambda: str(holds("noon" in text(stop=["noon"], stream=True), "False"))
    yield "max_tokens", lambda: holds(finish(max_tokens=2), "length")
    yield "max_completion_tokens", lambda: holds(finish(max_completion_tokens=2), "length")
    yield "temperature, top_p, seed", lambda: holds(text(temperature=0.5, top_p=0.9, seed=3), "noon")
    yield "reasoning effort", lambda: holds(text(reasoning_effort="low"), "noon")
    yield "giving up", lambda: stopped(give_up, model_server)
    yield "models", lambda: holds([each.id for each in client().models.list()], "chat", "search")
    yield "one model", lambda: holds(client().models.retrieve("chat").id, "chat")
    yield "an unknown model", lambda: raises(openai.NotFoundError, lambda: text(model="none"), "Models: ")
    wrong = openai.AuthenticationError
    yield "a wrong key", lambda: raises(wrong, lambda: client("wrong-key").models.list(), "key")
    yield "too long a question", lambda: raises(bad, lambda: text("word " * 10_000), "context_length")
    late = openai.APITimeoutError
    yield "a time limit", lambda: raises(late, lambda: create(SLOW, timeout=0.5))
