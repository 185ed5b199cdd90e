"""Lets a model choose among options by the probabilities of the first token of its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.vllm import answers
from connectors.vllm.chat import Chat
from connectors.vllm.labels import Labelled, Labels, showing
from connectors.vllm.negotiation import Terms
from connectors.vllm.option_mass import (
    IDS_AT_ONCE,
    TOP,
    Masses,
    by_text,
    by_tokens,
    completed,
    normalised,
    verdict,
)
from connectors.vllm.served import Served
from orchestrator.errors import BadInput, InvalidOutput, NoLogProbabilities
from orchestrator.models.usage import Spending
from orchestrator.ports import Generation, Probabilities
from orchestrator.types import Message

#: What the first token of a thought begins with, where a server leaves thoughts in the text.
_THOUGHTS = ("<think", "<reason", "<|channel", "[think", "◁think")


class Chooser:
    """Asks for one token with its log-probabilities, and sums those of each option."""

    def __init__(self, chat: Chat, labels: Labels) -> None:
        self._chat = chat
        self._labels = labels

    async def choose(
        self, served: Served, prompt: Sequence[Message], options: Sequence[str], salt: str | None
    ) -> Probabilities:
        """A probability for each option; see `VllmModel.choose`."""
        if len(set(options)) < len(options):
            raise BadInput(f"Options to choose from must differ, but were {list(options)!r}.")
        if len(options) < 2:
            return Probabilities((1.0,) * len(options))
        labelled = await self._labels.of(options, served)
        asked = showing(prompt, labelled.labels, options) if labelled.shown else prompt
        body = self._chat.body(served, asked, salt)
        with Spending() as spending:
            values, found, terms = await self._masses(served, body, labelled, spending)
            if not verdict(values) and not terms.thinks and _thinks(found):
                # It was about to think: told not to, it may choose.
                terms.thinks = True
                values, found, terms = await self._masses(served, body, labelled, spending)
            if verdict(values):
                return Probabilities(normalised(completed(values, found)), spending.usage)
            label = await self._picked(served, body, labelled.labels, spending)
            return Probabilities(tuple(float(each == label) for each in labelled.labels), spending.usage)

    async def _masses(
        self, served: Served, body: answers.Json, labelled: Labelled, spending: Spending
    ) -> tuple[Masses, dict[str, float], Terms]:
        """The mass of each option, all that was listed, and the terms of the server that listed it."""
        values: Masses = []
        found: dict[str, float] = {}
        for part in _parts(labelled):
            step, terms = await self._step(served, body, labelled, part, spending)
            found |= step
            masses = by_tokens(step, labelled.tokens[part]) if labelled.tokens else None
            if masses is None:
                return by_text(step, labelled.labels), step, terms
            values += masses
        return values, found, terms  # pyright: ignore[reportPossiblyUnboundVariable]

    async def _step(
        self, served: Served, body: answers.Json, labelled: Labelled, part: slice, spending: Spending
    ) -> tuple[dict[str, float], Terms]:
        """Log-probabilities of the first token of an answer, by token."""
        # The temperature is what the log-probabilities are of, should the server give them as it samples.
        body = {**body, "max_tokens": 1, "temperature": 1.0, "logprobs": True, "top_logprobs": TOP}
        if labelled.tokens:
            ids = [token for each in labelled.tokens[part] for token in each]
            body |= {"logprob_token_ids": ids, "return_tokens_as_token_ids": True}
        choice, usage, terms = await self._chat.choice(served, body)
        spending.add(usage)
        steps = answers.steps(choice)
        if not steps:
            raise NoLogProbabilities(
                f"The model server {self._chat.servers.names} gives no log-probabilities for "
                f"{served.name!r}.",
                hint="Take a server that does, or a strategy that needs none: `groupwise`, `listwise`.",
            )
        return steps[0][1], terms

    async def _picked(
        self, served: Served, body: answers.Json, labels: Sequence[str], spending: Spending
    ) -> str:
        """The label that the model writes if it may write nothing else."""
        from pydantic import Field, create_model

        from connectors.vllm.output import constraint, parsed

        field = Field(json_schema_extra={"enum": list(labels)})
        schema = create_model("Choice", label=(str, field))
        body = {**body, **constraint(schema), "max_tokens": 32, "temperature": 0.0}
        generation: Generation[Any] = await self._chat.generated(served, body, None)
        spending.add(generation.usage)
        label = ""
        try:
            made: Any = parsed(generation.text, schema)
            label = str(made.label).strip()
        except ValueError:
            label = generation.text.strip()
        if label not in labels:
            raise InvalidOutput(
                f"{served.name!r} at {self._chat.servers.names} chose {label[:80]!r}, which was not offered.",
                hint="Take another model, or a server with constrained decoding.",
            )
        return label


def _parts(labelled: Labelled) -> Iterator[slice]:
    """Options whose tokens fit into one request, in their order."""
    if not labelled.tokens:
        yield slice(0, len(labelled.labels))
        return
    start = size = 0
    for number, tokens in enumerate(labelled.tokens):
        if size + len(tokens) > IDS_AT_ONCE:
            yield slice(start, number)
            start, size = number, 0
        size += len(tokens)
    yield slice(start, len(labelled.tokens))


def _thinks(found: dict[str, float]) -> bool:
    """Whether the likeliest token begins a thought."""
    first = max(found, key=lambda name: found[name]).strip().lower()
    return len(first) > 1 and any(mark.startswith(first) or first.startswith(mark) for mark in _THOUGHTS)
