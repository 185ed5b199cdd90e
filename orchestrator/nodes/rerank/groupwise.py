"""Groupwise reranking (GroupRank, arXiv 2511.11653): scores within groups, all groups in one round.

In the published code a stride above the group's size skips documents and an unreadable group becomes
zeros. Here every document is in one group a repeat; an unreadable output is asked for once more, and
what is still unread keeps the retriever's score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.rerank import prompts
from orchestrator.nodes.rerank.calibration import calibrated
from orchestrator.nodes.rerank.calls import together
from orchestrator.nodes.rerank.candidates import Task, by_score, even_groups
from orchestrator.nodes.rerank.parsing import parse_scores

HIGHEST = 10.0
#: Tokens of one entry of the reply, `"12": 10, `, with room to spare.
_ENTRY_TOKENS = 8


@dataclass(frozen=True)
class Groupwise:
    """⌈N/group⌉ calls a repeat, all at once; final = weight·group score + (1 − weight)·retriever's.

    With `calibrate`, calls are brought to one scale over the documents that they share, before the
    average; the published method averages as they are.
    """

    group: int = 10
    repeats: int = 2
    weight: float = 0.6
    calibrate: bool = True

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        groups = [
            group
            for repeat in range(self.repeats)
            for group in even_groups(task.shuffled(repeat), self.group)
        ]
        answers = await together(task, [lambda group=group: _scored(task, group) for group in groups])
        calls = [answer if answer is not None else {} for answer in answers]
        return by_score(self.combined(task, calls))

    def combined(self, task: Task, calls: Sequence[dict[int, float]]) -> list[float]:
        """One score a candidate: the groups' and the retriever's; unread ones keep the retriever's."""
        import numpy as np

        size = len(task)
        if self.calibrate:
            grouped = calibrated(calls, size)
        else:
            sums, counts = np.zeros(size), np.zeros(size)
            for call in calls:
                for number, score in call.items():
                    sums[number] += score
                    counts[number] += 1
            with np.errstate(invalid="ignore"):
                grouped = np.where(counts > 0, sums / counts, np.nan)
        retrieved = np.array([candidate.score for candidate in task.candidates])
        unread = np.isnan(grouped)
        task.unread.update(int(number) for number in np.flatnonzero(unread))
        judged = np.where(unread, retrieved, grouped / HIGHEST)
        return [float(score) for score in self.weight * judged + (1 - self.weight) * retrieved]


async def _scored(task: Task, group: Sequence[int]) -> dict[int, float]:
    """Scores of a group's candidates; asked once more if some are missing."""
    texts = [task.candidates[number].text for number in group]
    prompt = prompts.scores(task.question, texts)
    scores: dict[int, float] = {}
    for attempt in range(2):
        try:
            generated = await task.model.generate(
                prompt, max_tokens=16 + _ENTRY_TOKENS * len(group), seed=task.seed + attempt
            )
        except BudgetExhausted:
            if attempt == 0:
                raise
            break
        read = parse_scores(generated.text, len(group), high=HIGHEST)
        scores = {**read, **scores}
        if len(scores) == len(group):
            break
        task.repairs += 1
    return {group[number]: score for number, score in scores.items()}
