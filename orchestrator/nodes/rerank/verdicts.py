"""One verdict of a model: how much each option has for it, from one token, or read after it has reasoned."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.nodes.rerank.candidates import Task
from orchestrator.nodes.rerank.replies.verdicts import parse_choice, parse_grade
from orchestrator.ports import GenerationRequest
from orchestrator.types import Message

#: Tokens of an answer behind the reasons: `<answer>B</answer>`, and a few words.
ANSWER_TOKENS = 48


async def choice(task: Task, prompt: Sequence[Message], options: Sequence[str]) -> Sequence[float] | None:
    """The share of each option; None if what the model said after reasoning names none.

    Without reasoning they are the probabilities of the first token; after it, all goes to what was said.
    """
    if not task.reasoning:
        return (await task.model.choose(prompt, options)).values
    generated = await task.model.generate(
        GenerationRequest(prompt, max_tokens=ANSWER_TOKENS, seed=task.seed, reasoning=task.reasoning)
    )
    said = parse_choice(generated.text, options)
    if said is None:
        task.replies.unreadable += 1
        return None
    return [float(position == said) for position in range(len(options))]


async def grade(task: Task, prompt: Sequence[Message], highest: int) -> float | None:
    """A grade in [0, 1]: the expectation over grades, or the grade that is said after reasoning (ERank)."""
    if not task.reasoning:
        shares = (await task.model.choose(prompt, [str(each) for each in range(highest + 1)])).values
        return sum(each * share for each, share in enumerate(shares)) / highest
    generated = await task.model.generate(
        GenerationRequest(prompt, max_tokens=ANSWER_TOKENS, seed=task.seed, reasoning=task.reasoning)
    )
    said = parse_grade(generated.text, 0.0, float(highest))
    if said is None:
        task.replies.unreadable += 1
        return None
    return said / highest
