"""Single-token labels of options, checked with the tokenizer of the server that reads them.

A server that tokenizes (vLLM's `/tokenize`) is shown an answer that is the label alone, after its own chat
template: so the token is the one that would stand first in the answer, and not the one that the same
letters have elsewhere. Without such a server, labels are taken that are one token wherever we looked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from connectors.vllm.answers import Json, table
from connectors.vllm.chat import Chat
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from connectors.vllm.option_mass import variants
from connectors.vllm.served import Served
from connectors.vllm.thinking import thinking_fields
from orchestrator.errors import BadInput, ModelKeyRefused, ModelTimeout, UnknownModel
from orchestrator.types import Message

log = logging.getLogger("orchestrator.models")

#: Labels in the order in which they are tried.
CANDIDATES = (
    *ascii_uppercase,
    *ascii_lowercase,
    *(str(number) for number in range(1000)),
    *(first + second for first in ascii_uppercase for second in ascii_uppercase),
)
#: Words that were one token in every tokenizer seen so far.
_WORDS = frozenset({"yes", "no", "Yes", "No", "true", "false", "True", "False"})
_AT_ONCE = 16
#: Options that are remembered: some are made up for one question alone.
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label for each option, and its tokens where they are known; `shown` if the prompt must show them.

    A label has several tokens if it is a word: those of its other spellings.
    """

    labels: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...] | None
    shown: bool


class Labels:
    """Finds labels for options. What a server said of a label is asked once, for each model that it has."""

    def __init__(self, chat: Chat, template: Mapping[str, Any] | None = None) -> None:
        self._chat = chat
        # Nobody thinks before choosing, and the token of an answer depends on what stands before it.
        self._template = {**table(thinking_fields("vllm", 0, thinks=False).get("chat_template_kwargs"))}
        self._template |= template or {}
        self._model = ""
        self._vocabulary = _Vocabulary(chat, self._template)

    async def of(self, options: Sequence[str], served: Served) -> Labelled:
        """The options themselves if each is one token, else single-token labels to be shown with them."""
        if served.name != self._model or self._vocabulary.size > _MOST:
            # Another model has other tokens. Calls under way go on with what they began with.
            self._model, self._vocabulary = served.name, _Vocabulary(self._chat, self._template)
        return await self._vocabulary.of(options, served)


class _Vocabulary:
    """What one model's server said of labels."""

    def __init__(self, chat: Chat, template: Mapping[str, Any]) -> None:
        self._chat = chat
        self._template = template
        self._known: dict[str, int | None] = {}
        self._prefix: tuple[int, ...] | None = None
        self._tokenizes = True
        self._asking = asyncio.Lock()

    @property
    def size(self) -> int:
        """How many labels are known."""
        return len(self._known)

    async def of(self, options: Sequence[str], served: Served) -> Labelled:
        """The options themselves if each is one token, else single-token labels to be shown with them."""
        # Others have no such path, or one of another kind.
        if served.vllm and self._tokenizes:
            try:
                return await self._checked(options, served.name)
            except _NoTokenizer:
                self._tokenizes = False
        if all(len(option) == 1 or option in _WORDS for option in options):
            return Labelled(tuple(options), None, shown=False)
        return Labelled(CANDIDATES[: len(options)], None, shown=True)

    async def _checked(self, options: Sequence[str], model: str) -> Labelled:
        short = [option for option in options if 0 < len(option) <= 32]
        await self._look_up([each for option in short for each in variants(option)], model)
        own = [self._known.get(option) for option in options]
        if None not in own and len(set(own)) == len(options):
            return Labelled(tuple(options), self._spellings(options), shown=False)
        found: dict[int, str] = {}
        for start in range(0, len(CANDIDATES), 64):
            if len(found) >= len(options):
                break
            part = CANDIDATES[start : start + 64]
            await self._look_up(part, model)
            for label in part:
                token = self._known[label]
                if token is not None:
                    found.setdefault(token, label)
        chosen = list(found.items())[: len(options)]
        if len(chosen) < len(options):
            raise BadInput(
                f"{len(options)} options cannot be told apart by one token: {model!r} has {len(chosen)} "
                "labels that are one.",
                hint="Offer fewer options at once.",
            )
        labels, tokens = tuple(label for _, label in chosen), tuple((token,) for token, _ in chosen)
        return Labelled(labels, tokens, shown=True)

    def _spellings(self, options: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each option: its own, and those of its other spellings that are no other option's."""
        spelled = [{self._known.get(each) for each in variants(option)} - {None} for option in options]
        own = [self._known.get(option) for option in options]
        tokens: list[tuple[int, ...]] = []
        for number, found in enumerate(spelled):
            others = set(own) - {own[number]}
            others.update(*(each for other, each in enumerate(spelled) if other != number))
            kept = [own[number], *sorted(each for each in found - others - {own[number]} if each is not None)]
            tokens.append(tuple(each for each in kept if each is not None))
        return tuple(tokens)

    async def _look_up(self, labels: Sequence[str], model: str) -> None:
        """Ask for the tokens of labels that are not known yet."""
        if all(label in self._known for label in labels):
            return
        # Calls come in dozens with the same options: one of them asks.
        async with self._asking:
            if not self._tokenizes:
                raise _NoTokenizer
            await self._ask([label for label in dict.fromkeys(labels) if label not in self._known], model)

    async def _ask(self, unknown: Sequence[str], model: str) -> None:
        if self._prefix is None:
            self._prefix = await self._tokens(model, None)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def ask(label: str) -> None:
            async with limit:
                tokens = await self._tokens(model, label)
            prefix = self._prefix or ()
            rest = tokens[len(prefix) :] if tokens[: len(prefix)] == prefix else ()
            self._known[label] = rest[0] if len(rest) == 1 else None

        try:
            async with asyncio.TaskGroup() as group:
                for label in unknown:
                    group.create_task(ask(label))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _tokens(self, model: str, answer: str | None) -> tuple[int, ...]:
        """The tokens of a conversation up to its answer, or with an answer that is not over yet."""
        turns = [{"role": "user", "content": "?"}]
        body: dict[str, Any] = {"model": model, "messages": turns, "add_generation_prompt": answer is None}
        if self._template:
            body["chat_template_kwargs"] = dict(self._template)
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
            body["continue_final_message"] = True

        async def ask(line: Line) -> Any:
            terms = self._chat.agreements.of(line.server.address.api, model)

            async def post(agreed: Json) -> Any:
                try:
                    return (await line.post("/tokenize", agreed, at_root=True)).get("tokens")
                except Exception as error:
                    failure = translated(error, line.server.address.root, model)
                    refused = failure is not None and not failure.retryable
                    if not refused or isinstance(failure, ModelKeyRefused | ModelTimeout | UnknownModel):
                        raise
                    if terms.refuses(error, agreed):
                        raise
                    return None

            return await terms.agreed(body, post)

        tokens = await self._chat.servers.send(model, ask)
        if not isinstance(tokens, list) or not tokens:
            self._tokenizes = False
            log.info("%s does not say what is one token for %r.", self._chat.servers.names, model)
            raise _NoTokenizer
        return tuple(tokens)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


class _NoTokenizer(Exception):
    """The server does not say how it tokenizes a conversation: options are read from its likeliest tokens."""


def showing(prompt: Sequence[Message], labels: Sequence[str], options: Sequence[str]) -> list[Message]:
    """The prompt with its options under labels, after everything that calls may share."""
    lines = [
        json.dumps({"label": label, "option": option}, ensure_ascii=False)
        for label, option in zip(labels, options, strict=True)
    ]
    text = "\n".join(["Options, one JSON object a line:", *lines, "", "Reply with the label of one alone."])
    *before, last = prompt
    if last.role == "user":
        return [*before, Message("user", f"{last.text}\n\n{text}")]
    return [*prompt, Message("user", text)]
