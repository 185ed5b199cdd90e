"""Chat completions: sends a request and reads its reply, whole or piece by piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from connectors.vllm import answers
from connectors.vllm.replies import Said, broken, finish_of, said
from connectors.vllm.served import Served, Serving
from connectors.vllm.servers import Line, Servers
from orchestrator.errors import ModelError, ModelUnreachable, UnknownModel
from orchestrator.models.usage import Spending
from orchestrator.ports import Generation, Reasoning
from orchestrator.text.thoughts import TAGS, ThoughtFilter, split_thoughts
from orchestrator.types import Message, Usage

ResultT = TypeVar("ResultT")

_PATH = "/chat/completions"


class Chat:
    """Requests to the chat completions of one model. Cancelling a call closes its connection.

    `options` are further fields of every request, `tags` those between which the model thinks.
    """

    def __init__(
        self,
        servers: Servers,
        serving: Serving,
        *,
        options: Mapping[str, Any] | None = None,
        tags: Sequence[str] = TAGS,
    ) -> None:
        self.servers = servers
        self._serving = serving
        self._options = dict(options or {})
        self._tags = tuple(tags)

    async def send(
        self,
        served: Served,
        request: Callable[[Line], Awaitable[ResultT]],
        *,
        shown: Callable[[], bool] = lambda: False,
    ) -> ResultT:
        """What a request returns; a server that lacks the model may have been started again with another."""
        try:
            return await self.servers.send(served.name, request, shown=shown)
        except UnknownModel:
            self._serving.forget()
            raise

    def body(self, served: Served, prompt: Sequence[Message], salt: str | None) -> dict[str, Any]:
        """The fields that every request has."""
        body: dict[str, Any] = {
            **self._options,
            "model": served.name,
            "messages": [{"role": message.role, "content": message.text} for message in prompt],
        }
        if served.vllm and salt is not None:
            body["cache_salt"] = salt
        return body

    async def choice(self, served: Served, body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
        """The first choice of an answer, and what it cost."""

        async def ask(line: Line) -> dict[str, Any]:
            return await line.post(_PATH, body)

        answer = await self.send(served, ask)
        return first_choice(answer, served, self.servers), answers.usage(answer)

    async def generated(
        self, served: Served, body: dict[str, Any], on_text: Callable[[str], None] | None
    ) -> Generation[Any]:
        """The text of a reply, without the thoughts before it; streamed to `on_text`, if there is one."""
        if on_text is not None:
            return await self._streamed(served, body, on_text)
        choice, usage = await self.choice(served, body)
        message = said(choice.get("message"))
        split = split_thoughts(message.text, self._tags)
        thoughts = "\n".join(filter(None, (message.reasoning, split.thoughts)))
        whole = Said(split.text, thoughts, message.refusal, message.calls_tools)
        return Generation(
            split.text, None, usage, finish_of(choice.get("finish_reason"), whole), whole.reasoning
        )

    async def _streamed(
        self, served: Served, body: dict[str, Any], on_text: Callable[[str], None]
    ) -> Generation[Any]:
        body = {**body, "stream_options": {"include_usage": True}}
        shown = False
        spending = Spending()

        def show(piece: str) -> None:
            nonlocal shown
            if piece:
                shown = True
                on_text(piece)

        async def ask(line: Line) -> Generation[Any]:
            told: Usage | None = None
            finish = None
            thoughts: list[str] = []
            refusal, calls_tools = "", False
            words = ThoughtFilter(self._tags)
            async with aclosing(await line.stream(_PATH, body)) as stream:
                async for chunk in stream:
                    if chunk.get("usage"):
                        told = answers.usage(chunk)
                    for choice in answers.rows(chunk.get("choices"))[:1]:
                        piece = said(choice.get("delta"))
                        if piece.text or piece.reasoning:
                            # At the least, unless the server says how many.
                            spending.add(Usage(completion_tokens=1))
                        thoughts.append(piece.reasoning)
                        refusal += piece.refusal
                        calls_tools |= piece.calls_tools
                        show(words.feed(piece.text))
                        finish = choice.get("finish_reason") or finish
            if finish is None or broken(finish):
                raise ModelUnreachable(
                    f"The model server {line.server.address.root} broke off an answer of {served.name!r}.",
                    hint="Its log says why; ask again.",
                )
            show(words.close())
            reasoning = "\n".join(filter(None, ("".join(thoughts).strip(), words.thoughts)))
            whole = Said(words.text, reasoning, refusal, calls_tools)
            usage = told or spending.usage + Usage(calls=1)
            return Generation(whole.text, None, usage, finish_of(finish, whole), reasoning)

        with spending:
            return await self.send(served, ask, shown=lambda: shown)


def sampling(temperature: float, top_p: float, seed: int) -> dict[str, Any]:
    """Without chance no seed: vLLM 0.32 on a CPU dies of a seeded request that it reads in parts."""
    if temperature <= 0:
        return {"temperature": 0.0}
    return {"temperature": temperature, "seed": seed} | ({"top_p": top_p} if top_p < 1 else {})


def length(max_tokens: int, reasoning: Reasoning) -> dict[str, Any]:
    """The limit of a reply with its thoughts; none if the model thinks as long as it does."""
    return {} if reasoning == "model" else {"max_tokens": max_tokens + reasoning}


def first_choice(answer: dict[str, Any], served: Served, servers: Servers) -> dict[str, Any]:
    """The first choice of an answer; ModelError if it has none."""
    choices = answers.rows(answer.get("choices"))
    if not choices:
        with Spending(answers.usage(answer)):
            raise ModelError(
                f"The model server {servers.names} answered without a choice for {served.name!r}.",
                hint="Its log says why.",
            )
    return choices[0]
