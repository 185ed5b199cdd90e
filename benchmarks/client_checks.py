"""What each client library is tried with: run by `benchmarks.clients`, with a Python that has the library.

    python client_checks.py CLIENT ADDRESS KEY MODEL_SERVER

Prints one JSON object a feature. Nothing of the project is imported.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

ASKED = "When does the ferry to Naxos leave?"
#: The model server of the benchmark writes for seconds where the question has this word.
SLOW = "Slowly: when does the ferry to Naxos leave?"
#: It repeats this word where it is in its instructions.
TOLD = "Answer as a CAPTAIN does."
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look it up.",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    },
}
SCHEMA = {
    "title": "Departure",
    "description": "A departure.",
    "type": "object",
    "properties": {"hour": {"type": "string"}},
    "required": ["hour"],
    "additionalProperties": False,
}
Check = Callable[[], object]
LOOP = asyncio.new_event_loop()


def holds(said: Any, *words: str) -> str:
    """The text, which must have these words."""
    for word in words:
        if word not in str(said):
            raise AssertionError(f"no {word!r} in {said!r}")
    return str(said)


def raises(kind: type[BaseException] | tuple[type[BaseException], ...], check: Check, *words: str) -> str:
    """What is raised, which must be of this kind and say these words."""
    try:
        said = check()
    except kind as error:
        holds(error, *words)
        return f"{type(error).__module__.split('.')[0]}.{type(error).__name__}"
    raise AssertionError(f"nothing was raised, but said: {said!r}")


def at_end(work: Coroutine[Any, Any, Any]) -> Any:
    """What work gives, in the one loop of this process: clients keep connections beyond a call."""
    return LOOP.run_until_complete(work)


def stopped(begin: Check, model_server: str) -> str:
    """Begin and give up a slow answer; the model server must lose its request."""
    begin()
    for _ in range(40):
        with urllib.request.urlopen(f"{model_server}/active") as response:
            if json.load(response)["active"] == 0:
                return "the model's request was closed"
        # The clients close their connections in this loop.
        at_end(asyncio.sleep(0.05))
    raise AssertionError("the model goes on writing")


# -- openai --------------------------------------------------------------------------------------


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


# -- langchain-openai ----------------------------------------------------------------------------


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


# -- llama-index ---------------------------------------------------------------------------------


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


# -- litellm -------------------------------------------------------------------------------------


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


CLIENTS: dict[str, tuple[str, Callable[[str, str, str], Iterator[tuple[str, Check]]]]] = {
    "openai": ("openai", of_openai),
    "langchain": ("langchain-openai", of_langchain),
    "llama-index": ("llama-index-llms-openai-like", of_llama_index),
    "litellm": ("litellm", of_litellm),
}


def main(client: str, url: str, key: str, model_server: str) -> None:
    """Try every feature of a client."""
    distribution, checks = CLIENTS[client]
    say({"version": f"{distribution} {importlib.metadata.version(distribution)}"})
    for feature, check in checks(url, key, model_server):
        try:
            said, works = str(check()), True
        except Exception as error:
            said, works = f"{type(error).__name__}: {error}", False
        say({"feature": feature, "works": works, "said": " ".join(said.split())[:300]})


def say(what: dict[str, Any]) -> None:
    """A line for the benchmark."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
