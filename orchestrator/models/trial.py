"""One real call of each kind that workflows make: which of them a model answers, before anybody needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel

from orchestrator.errors import ModelError
from orchestrator.ports import Generation, GenerationRequest, LanguageModel, scores_texts
from orchestrator.types import Message

_PROMPT = (
    Message("system", "You are brief."),
    Message("user", "Is water wet? Reply with yes or no, and nothing else."),
)
_TEXTS = ("Water wets what it touches.", "Income tax is due in May.")
#: Tokens of an answer: more than one word needs.
_LENGTH = 64


class Verdict(BaseModel):
    """What is asked for as an object."""

    wet: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """How one kind of call went; `needed` if nothing works without it, else nodes do what they can."""

    call: str
    works: bool
    detail: str
    hint: str = ""
    needed: bool = False


async def tried(model: LanguageModel) -> list[Trial]:
    """Try what a model offers: a text, a stream, an object, options, scores. A failure is a Trial, too."""
    found: list[Trial] = []
    if model.available:
        found.append(await _try("generate", lambda: _generated(model), needed=True))
        if found[0].works:
            found.append(await _try("stream", lambda: _streamed(model)))
            found.append(await _try("schema", lambda: _structured(model)))
            found.append(await _try("choose", lambda: _chosen(model)))
    if scores_texts(model):
        found.append(await _try("score", lambda: _scored(model), needed=not model.available))
    return found


async def _try(call: str, ask: Callable[[], Awaitable[str]], *, needed: bool = False) -> Trial:
    try:
        return Trial(call, True, await ask(), needed=needed)
    except ModelError as error:
        return Trial(call, False, error.message, error.hint, needed)


async def _generated(model: LanguageModel) -> str:
    made = await model.generate(GenerationRequest(_PROMPT, max_tokens=_LENGTH))
    _require_text(made)
    thought = f", after {len(made.reasoning)} characters of thoughts" if made.reasoning else ""
    return f"A text of {len(made.text)} characters{thought}."


async def _streamed(model: LanguageModel) -> str:
    pieces: list[str] = []
    made = await model.generate(GenerationRequest(_PROMPT, max_tokens=_LENGTH), on_text=pieces.append)
    _require_text(made)
    return f"A text in {len(pieces)} pieces." if pieces else "The text comes at once, at its end."


async def _structured(model: LanguageModel) -> str:
    made = await model.generate(GenerationRequest(_PROMPT, schema=Verdict, max_tokens=_LENGTH))
    often = f", at the attempt number {made.usage.calls}" if made.usage.calls > 1 else ""
    return f"An object that fits its schema{often}."


async def _chosen(model: LanguageModel) -> str:
    first, second = (await model.choose(_PROMPT, ["yes", "no"])).values
    if {first, second} == {0.0, 1.0}:
        return "One of two options, without probabilities of both."
    return f"Probabilities of two options: {first:.2f} and {second:.2f}."


async def _scored(model: LanguageModel) -> str:
    first, second = (await model.score("Is water wet?", _TEXTS)).values
    told = f"{first:.3g} for a text that answers, {second:.3g} for one that does not"
    if first <= second:
        raise ModelError(
            f"Scores do not tell texts apart: {told}.", hint="Look whether it is a cross-encoder."
        )
    return f"Scores: {told}."


def _require_text(made: Generation[object]) -> None:
    """ModelError if there is no answer."""
    if made.answered:
        return
    if made.reasoning:
        raise ModelError(
            f"The model thought ({len(made.reasoning)} characters) and gave no answer.",
            hint="Allow it to: connectors.vllm.reasoning; or switch it off by llm_options.",
        )
    raise ModelError(f"The model gave no answer ({made.finish}).", hint="Look at its chat template.")
