"""Single-token labels of options, checked with the tokenizer of the server that reads them.

A server that tokenizes (vLLM's `/tokenize`) is shown an answer that is the label alone, after its own chat
template: so the token is the one that would stand first in the answer, and not the one that the same
letters have elsewhere. Without such a server, labels are taken that are one token wherever we looked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from connectors.vllm.servers import Line, Servers
from orchestrator.errors import BadInput, ModelError, ModelKeyRefused
from orchestrator.types import Message

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
    """A label for each option, and its token where that is known; `shown` if the prompt must show them."""

    labels: tuple[str, ...]
    tokens: tuple[int, ...] | None
    shown: bool


class Labels:
    """Finds labels for options. What a server said of a label is asked once, for each model that it has."""

    def __init__(self, servers: Servers, template: Mapping[str, Any] | None = None) -> None:
        self._servers = servers
        self._template = template
        self._model = ""
        self._vocabulary = _Vocabulary(servers, template)

    async def of(self, options: Sequence[str], model: str) -> Labelled:
        """The options themselves if each is one token, else single-token labels to be shown with them."""
        if model != self._model or self._vocabulary.size > _MOST:
            # Another model has other tokens. Calls under way go on with what they began with.
            self._model, self._vocabulary = model, _Vocabulary(self._servers, self._template)
        return await self._vocabulary.of(options, model)


class _Vocabulary:
    """What one model's server said of labels."""

    def __init__(self, servers: Servers, template: Mapping[str, Any] | None = None) -> None:
        self._servers = servers
        self._template = template
        self._known: dict[str, int | None] = {}
        self._prefix: tuple[int, ...] | None = None
        self._tokenizes = True
        self._asking = asyncio.Lock()

    @property
    def size(self) -> int:
        """How many labels are known."""
        return len(self._known)

    async def of(self, options: Sequence[str], model: str) -> Labelled:
        """The options themselves if each is one token, else single-token labels to be shown with them."""
        if self._tokenizes:
            try:
                return await self._checked(options, model)
            except ModelKeyRefused:
                raise
            except ModelError as error:
                if error.retryable:
                    raise
                # No vLLM: there is no tokenizer to ask.
                self._tokenizes = False
        if all(len(option) == 1 or option in _WORDS for option in options):
            return Labelled(tuple(options), None, shown=False)
        return Labelled(CANDIDATES[: len(options)], None, shown=True)

    async def _checked(self, options: Sequence[str], model: str) -> Labelled:
        await self._look_up([option for option in options if 0 < len(option) <= 32], model)
        own = [self._known.get(option) for option in options]
        tokens = tuple(token for token in own if token is not None)
        if len(set(tokens)) == len(options):
            return Labelled(tuple(options), tokens, shown=False)
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
        return Labelled(tuple(label for _, label in chosen), tuple(token for token, _ in chosen), shown=True)

    async def _look_up(self, labels: Sequence[str], model: str) -> None:
        """Ask for the tokens of labels that are not known yet."""
        if all(label in self._known for label in labels):
            return
        # Calls come in dozens with the same options: one of them asks.
        async with self._asking:
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

        async def ask(line: Line) -> tuple[int, ...]:
            tokens: Any = (await line.post("/tokenize", body, at_root=True)).get("tokens")
            if not isinstance(tokens, list) or not tokens:
                raise ModelError(
                    f"The model server {line.server.address.root} tokenizes otherwise than vLLM.",
                    hint="Options are then read from its likeliest tokens.",
                )
            return tuple(tokens)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

        return await self._servers.send(model, ask)


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
