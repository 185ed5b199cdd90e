"""Listwise reranking: a model orders many passages at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from orchestrator.nodes.rerank.calls import LABELS, Enough, InLine
from orchestrator.nodes.rerank.candidates import Ranking, Task, by_score, permutation
from orchestrator.nodes.rerank.replies.orders import parse_order
from orchestrator.nodes.rerank.schemas import ranking_schema
from orchestrator.nodes.rerank.stop_candidate import text_of
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.rerank.verdicts import choice
from orchestrator.ports import Generation, GenerationRequest

#: Tokens of one entry of the reply, `[12] > `, with room to spare.
_ENTRY_TOKENS = 6


def windows(size: int, window: int, step: int) -> list[tuple[int, int]]:
    """(start, end) of windows from the end of a list to its beginning; the last one always starts at 0.

    RankGPT's loop (arXiv 2304.09542) drops the beginning where (size − window) is no multiple of step.
    """
    if size <= window:
        return [(0, size)] if size else []
    starts = list(range(size - window, 0, -step))
    return [(start, start + window) for start in starts] + [(0, window)]


@dataclass(frozen=True)
class Listwise:
    """Listwise reranking with sliding windows from the end (RankGPT); `window=None` puts all in one prompt.

    With `stop`, a stop candidate is the last of every window, and who ranks below it in the last window that
    shows it is cut.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = True
    window: int | None = 20
    step: int = 10
    stop: bool = False

    async def __call__(self, task: Task) -> Ranking:
        """The candidates as the last windows have them; it only orders."""
        size = len(task)
        order = list(range(size))
        below: set[int] = set()
        named: set[int] = set()
        ask = InLine(task)
        for start, end in windows(size, self.window or size, self.step):
            shown = order[start:end]
            try:
                said = await ask(partial(self.said, task, [*shown, size] if self.stop else shown))
            except Enough:
                break
            if said is None:
                continue
            named.update(shown[position] for position in said if position < len(shown))
            placed = permutation(said, len(shown) + self.stop)
            ranked = [shown[position] for position in placed if position < len(shown)]
            if self.stop and len(shown) in said:
                bar = said.index(len(shown))
                below.difference_update(shown)
                below.update(shown[position] for position in said[bar + 1 :])
            order[start:end] = ranked
            task.offer(Ranking(tuple(order), dropped=frozenset(below)))
        task.unread.update(set(range(size)) - named)
        return Ranking(tuple(order), dropped=frozenset(below))

    async def said(self, task: Task, numbers: Sequence[int]) -> list[int]:
        """The positions of one window in the model's order, as far as it names them."""
        texts = [text_of(task, number) for number in numbers]
        generated: Generation[object] = await task.model.generate(
            GenerationRequest(
                task.prompts.order(task.question, texts),
                schema=None if task.reasoning else ranking_schema(len(numbers)),
                max_tokens=16 + _ENTRY_TOKENS * len(numbers),
                seed=task.seed,
                reasoning=task.reasoning,
            )
        )
        said = parse_order(generated.text, len(numbers))
        task.replies.ordered(said, len(numbers))
        if not said:
            task.replies.unreadable += 1
        return said


@dataclass(frozen=True)
class FirstToken(Listwise):
    """Listwise by first token (FIRST, arXiv 2406.15657): the order of the labels' probabilities.

    One token a window, and at most 26 passages in it. After reasoning, only the best of a window is known.
    """

    stops: ClassVar[bool] = False

    async def said(self, task: Task, numbers: Sequence[int]) -> list[int]:
        """The positions of one window by the probability of their labels."""
        texts = [text_of(task, number) for number in numbers]
        labels = LABELS[: len(numbers)]
        shares = await choice(task, task.prompts.best(task.question, texts, labels), labels)
        order = by_score(shares or [])
        return order[:1] if task.reasoning else order
