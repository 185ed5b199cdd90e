"""Iterative elimination (IRanker, arXiv 2506.21638): the least useful passage goes, until one is left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from orchestrator.nodes.rerank.calls import LABELS, Enough, InLine
from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.rerank.verdicts import choice


@dataclass(frozen=True)
class Elimination:
    """Eliminate the worst of the lowest `window` candidates in each round, one call a round.

    Calls: N − keep. Below `keep`, the order of what is left is the retriever's with its losers sunk. Where a
    call fails, the one that the retriever has last goes.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = False
    window: int = 20
    keep: int = 1

    async def __call__(self, task: Task) -> Ranking:
        """Those that were left longest first; it only orders."""
        left = list(range(len(task)))
        gone: list[int] = []
        ask = InLine(task)
        while len(left) > max(1, self.keep):
            shown = left[-self.window :]
            labels = LABELS[: len(shown)]
            texts = [task.candidates[number].text for number in shown]
            prompt = task.prompts.worst(task.question, texts, labels)
            try:
                chosen = await ask(partial(choice, task, prompt, labels))
            except Enough:
                break
            # Of equals, the one that the retriever has lower goes first.
            shares = chosen or [0.0] * len(shown)
            worst = max(range(len(shown)), key=lambda position: (shares[position], position))
            left.remove(shown[worst])
            gone.append(shown[worst])
            task.offer(Ranking((*left, *gone[::-1])))
        return Ranking((*left, *gone[::-1]))
