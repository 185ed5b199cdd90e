"""Chat completions: sends a request as its server takes it, and reads the reply."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from connectors.vllm import answers
from connectors.vllm.answers import Json
from connectors.vllm.line import Line
from connectors.vllm.negotiation import Agreements, Terms
from connectors.vllm.option_mass import TOP
from connectors.vllm.reading import ReplyReader, first_choice
from connectors.vllm.served import Served, Serving
from connectors.vllm.servers import Servers
from connectors.vllm.templates import begins_thought
from connectors.vllm.thinking import thinking_fields, with_fields
from orchestrator.errors import UnknownModel
from orchestrator.models.usage import Spending
from orchestrator.ports import Generation, Reasoning
from orchestrator.text.thoughts import TAGS
from orchestrator.text.tokens import token_count
from orchestrator.types import Message, Usage

log = logging.getLogger("orchestrator.models")

ResultT = TypeVar("ResultT")

_PATH = "/chat/completions"
#: Tokens that a chat template adds to a turn, at the most.
_TURN = 16


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
        self.agreements = Agreements(options or {})
        self._serving = serving
        self._options = dict(options or {})
        self._tags = tuple(tags)
        self._advised = False

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

    def body(self, served: Served, prompt: Sequence[Message], salt: str | None) -> Json:
        """The fields that every request has."""
        body: Json = {
            **self._options,
            "model": served.name,
            "messages": [{"role": message.role, "content": message.text} for message in prompt],
        }
        if served.vllm and salt is not None:
            body["cache_salt"] = salt
        return body

    async def choice(self, served: Served, body: Json) -> tuple[Json, Usage, Terms]:
        """The first choice of an answer without thoughts, what it cost, and the terms of who gave it."""

        async def ask(line: Line) -> tuple[Json, Terms]:
            terms = self._terms(line, served)
            fields = thinking_fields(served.maker, 0, thinks=terms.thinks)
            return await terms.agreed(
                with_fields(body, fields), lambda agreed: line.post(_PATH, agreed)
            ), terms

        answer, terms = await self.send(served, ask)
        return first_choice(answer, served.name, self.servers.names), answers.usage(answer), terms

    async def generated(
        self,
        served: Served,
        body: Json,
        on_text: Callable[[str], None] | None,
        reasoning: Reasoning = 0,
    ) -> Generation[Any]:
        """The text of a reply, without the thoughts before it; streamed to `on_text`, if there is one.

        A model that thinks though it should not, and says nothing for it, is asked once more and told so.
        """
        readers: list[ReplyReader] = []
        spending = Spending()

        async def ask(line: Line) -> Generation[Any]:
            terms = self._terms(line, served)
            told = reasoning != 0 or terms.thinks
            made = await self._asked(line, served, terms, body, on_text, reasoning, readers)
            reader = readers[-1]
            if reader.headless:
                terms.begins_inside[reasoning != 0] = True
            if told or not (made.reasoning or reader.thought_tokens):
                return made
            if not terms.thinks:
                terms.thinks = True
                log.info("%r at %s thinks by itself: it is told not to.", served.name, self.servers.names)
            if made.answered or reader.shown:
                return made
            spending.add(made.usage)
            return await self._asked(line, served, terms, body, on_text, reasoning, readers)

        with spending:
            try:
                made = await self.send(served, ask, shown=lambda: any(reader.shown for reader in readers))
            except BaseException:
                for reader in readers:
                    if not reader.closed:
                        spending.add(reader.spent)
                raise
        if made.finish == "no_text" and (made.reasoning or readers[-1].thought_tokens):
            self._advise(served)
        return replace(made, usage=spending.usage + made.usage)

    async def _asked(
        self,
        line: Line,
        served: Served,
        terms: Terms,
        body: Json,
        on_text: Callable[[str], None] | None,
        reasoning: Reasoning,
        readers: list[ReplyReader],
    ) -> Generation[Any]:
        """One reply, on the terms of the server that gives it."""
        fields = thinking_fields(served.maker, reasoning, thinks=terms.thinks)
        full = with_fields(body, fields)
        if on_text is not None:
            full = {"stream_options": {"include_usage": True}, **full}
            if served.vllm and (reasoning != 0) not in terms.begins_inside:
                template = answers.table(full.get("chat_template_kwargs"))
                begins = await begins_thought(line, served.name, template, self._tags)
                terms.begins_inside[reasoning != 0] = begins

        async def ask(agreed: Json) -> Generation[Any]:
            reader = ReplyReader(
                line.server.address.root,
                served.name,
                agreed,
                tags=self._tags,
                inside=terms.begins_inside.get(reasoning != 0, False),
                on_text=on_text,
            )
            readers.append(reader)
            if on_text is None:
                reader.feed(await line.post(_PATH, agreed))
                return reader.close()
            async with aclosing(line.stream(_PATH, agreed)) as stream:
                async for answer in stream:
                    reader.feed(answer)
            return reader.close(said_done=line.said_done)

        return await terms.agreed(full, ask, is_text=True)

    def _terms(self, line: Line, served: Served) -> Terms:
        return self.agreements.of(line.server.address.api, served.name)

    def _advise(self, served: Served) -> None:
        if not self._advised:
            self._advised = True
            log.warning(
                "%r at %s thought and gave no answer: allow it more reasoning, in the node or for every call "
                "by connectors.vllm.reasoning, or name the field that switches it off in llm_options.",
                served.name,
                self.servers.names,
            )


def steps_of(alternatives: int) -> Json:
    """The fields that ask for so many log-probabilities at each token; OpenAI lists 20 at most."""
    return {"logprobs": True, "top_logprobs": min(alternatives, TOP)} if alternatives else {}


def sampling(temperature: float, top_p: float, seed: int) -> Json:
    """Without chance no seed: vLLM 0.32 on a CPU dies of a seeded request that it reads in parts."""
    if temperature <= 0:
        return {"temperature": 0.0}
    return {"temperature": temperature, "seed": seed} | ({"top_p": top_p} if top_p < 1 else {})


def length(served: Served, prompt: Sequence[Message], max_tokens: int, reasoning: Reasoning) -> Json:
    """The limit of a reply with its thoughts; none if the model thinks as long as it does.

    Thoughts get what the context has left beside the prompt and the answer.
    """
    if reasoning == "model":
        return {}
    if reasoning and served.context:
        taken = sum(token_count(message.text) + _TURN for message in prompt)
        reasoning = max(0, min(reasoning, served.context - taken - max_tokens))
    return {"max_tokens": max_tokens + reasoning}
