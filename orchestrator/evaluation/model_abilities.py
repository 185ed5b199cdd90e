"""Probes of what a language model does beyond answering each kind of call (`orchestrator.models.trial`)."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from orchestrator.errors import ModelError
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Message

_JUDGED = (Message("user", "Is the sky blue on a clear day? Reply with yes or no alone."),)
_SUM = (Message("user", "How much is 17 + 26? Reply with the number alone."),)
#: Labels whose probabilities are asked for at once, to see how many of them the server tells apart.
_LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
#: Tokens of an answer, and of the thoughts that are allowed before it.
_LENGTH, _THOUGHTS = 64, 512


@dataclass(frozen=True, slots=True)
class Ability:
    """What was found of one ability, in a sentence; `there` is None where it cannot be told."""

    name: str
    there: bool | None
    detail: str


async def model_abilities(model: LanguageModel, context: int | None = None) -> list[Ability]:
    """Probe log-probabilities and thinking, by one to three calls each; `context` is what its server says."""
    probes: Sequence[tuple[str, Callable[[LanguageModel], Awaitable[Ability]]]] = (
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


async def _probabilities(model: LanguageModel) -> Ability:
    verdict = await model.choose(_JUDGED, ("yes", "no"))
    if set(verdict.values) == {0.0, 1.0}:
        return Ability("log-probabilities", False, "Neither option was listed; one was chosen instead.")
    spread = await model.choose(_JUDGED, _LABELS)
    # Labels that are not listed share the most that they can have.
    floor = min(spread.values)
    told = sum(not math.isclose(value, floor, rel_tol=1e-9) for value in spread.values)
    listed = len(_LABELS) if len(set(spread.values)) == len(_LABELS) else told
    return Ability("log-probabilities", True, f"Of {len(_LABELS)} labels, {listed} are told apart.")


async def _thinking(model: LanguageModel) -> Ability:
    asked = await model.generate(GenerationRequest(_SUM, max_tokens=_LENGTH))
    if asked.reasoning.strip() or asked.finish == "no_text":
        return Ability("thinking", True, "It thinks even where no thoughts are allowed: allow them tokens.")
    free = await model.generate(GenerationRequest(_SUM, max_tokens=_LENGTH, reasoning=_THOUGHTS))
    if free.reasoning.strip():
        return Ability("thinking", True, f"{len(free.reasoning)} characters of thoughts, when allowed.")
    return Ability("thinking", False, "It answers without thoughts.")
