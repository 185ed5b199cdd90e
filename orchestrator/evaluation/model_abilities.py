"""Probes of what a language model can do: each is a real call or two, through the port as nodes use it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from orchestrator.errors import ModelError
from orchestrator.ports import LanguageModel
from orchestrator.types import Message

_ASKED = (Message("user", "Which colour has the sky on a clear day? Answer in a few words."),)
_DESCRIBED = (Message("user", "Describe a cat as JSON."),)
_JUDGED = (Message("user", "Is the sky blue on a clear day? Reply with yes or no alone."),)
_SUM = (Message("user", "How much is 17 + 26? Reply with the number alone."),)
#: Labels whose probabilities are asked for at once, to see how many of them the server tells apart.
_LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_THOUGHTS = 512


@dataclass(frozen=True, slots=True)
class Ability:
    """What was found of one ability, in a sentence; `there` is None where it cannot be told."""

    name: str
    there: bool | None
    detail: str


class Animal(BaseModel):
    """The schema that a reply is asked for in."""

    name: str = Field(max_length=40)
    legs: int = Field(ge=0, le=100)
    eats: list[str] = Field(max_length=3)


async def model_abilities(model: LanguageModel, context: int | None = None) -> list[Ability]:
    """Probe text, streaming, schemas, log-probabilities and thinking; `context` is what its server says."""
    probes: Sequence[tuple[str, Callable[[LanguageModel], Awaitable[Ability]]]] = (
        ("text", _text),
        ("streaming", _streaming),
        ("schema", _schema),
        ("log-probabilities", _probabilities),
        ("thinking", _thinking),
    )
    found: list[Ability] = []
    for name, probe in probes:
        try:
            found.append(await probe(model))
        except ModelError as error:
            found.append(Ability(name, False, error.message))
    told = f"{context:,} tokens." if context else "The server does not say how many tokens it reads."
    return [*found, Ability("context", None if context is None else True, told)]


async def _text(model: LanguageModel) -> Ability:
    made = await model.generate(_ASKED, max_tokens=32)
    if not made.answered:
        return Ability("text", False, f"No answer was written; the reply ended with {made.finish!r}.")
    return Ability("text", True, f"{len(made.text)} characters, ended with {made.finish!r}.")


async def _streaming(model: LanguageModel) -> Ability:
    pieces: list[str] = []
    made = await model.generate(_ASKED, on_text=pieces.append, max_tokens=32)
    if "".join(pieces) != made.text:
        return Ability("streaming", False, "The streamed pieces are not the text.")
    return Ability("streaming", len(pieces) > 1, f"{len(pieces)} pieces.")


async def _schema(model: LanguageModel) -> Ability:
    made = await model.generate(_DESCRIBED, schema=Animal, max_tokens=128)
    if not isinstance(made.parsed, Animal):
        return Ability("schema", False, "The reply was not validated.")
    calls = made.usage.calls
    return Ability("schema", True, "At the first call." if calls == 1 else f"After {calls} calls.")


async def _probabilities(model: LanguageModel) -> Ability:
    verdict = await model.choose(_JUDGED, ("yes", "no"))
    if verdict.usage.calls > 1 or set(verdict.values) == {0.0, 1.0}:
        return Ability("log-probabilities", False, "Neither option was listed; one was chosen instead.")
    spread = await model.choose(_JUDGED, _LABELS)
    # Labels that are not listed share the most that they can have.
    floor = min(spread.values)
    told = sum(not math.isclose(value, floor, rel_tol=1e-9) for value in spread.values)
    listed = len(_LABELS) if len(set(spread.values)) == len(_LABELS) else told
    sure = f"yes has {verdict.values[0]:.2f}"
    return Ability("log-probabilities", True, f"Of {len(_LABELS)} labels, {listed} are told apart; {sure}.")


async def _thinking(model: LanguageModel) -> Ability:
    asked = await model.generate(_SUM, max_tokens=64)
    if asked.reasoning.strip() or asked.finish == "no_text":
        return Ability("thinking", True, "It thinks even where no thoughts are allowed: allow them tokens.")
    free = await model.generate(_SUM, max_tokens=64, reasoning=_THOUGHTS)
    if free.reasoning.strip():
        return Ability("thinking", True, f"{len(free.reasoning)} characters of thoughts, when allowed.")
    return Ability("thinking", False, "It answers without thoughts.")
