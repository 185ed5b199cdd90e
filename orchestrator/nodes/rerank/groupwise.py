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
from orchestrator.nodes.rerank.replies.scores import parse_scores

HIGHEST = 10.0
#: Tokens of one entry of the reply, `"12": 10, `, with room to spare.
_ENTRY_TOKENS = 8


@dataclass(frozen=True)
class Groupwise:
    """Groupwise scoring: ⌈N/group⌉ calls per repeat; score = weight·group score + (1 − weight)·retriever's.

    With `calibrate`, each call's scores are moved by how strict it was, before the average (`calibrated`);
    the published method averages them as they are. `anchors` candidates, spread over the retriever's
    ranking, are shown in every group beside its own, so that calls have more in common.
    """

    group: int = 10
    repeats: int = 2
    weight: float = 0.6
    calibrate: bool = True
    anchors: int = 0

    async def __call__(self, task: Task) -> list[int]:
        """Candidate numbers, best first."""
        groups = [group for repeat in range(self.repeats) for group in self.groups(task.shuffled(repeat))]
        answers = await together(
            task,
            [lambda group=group: _scored(task, group) for group in groups],
            lambda answers: by_score(self.combined(task, answers)),
        )
        scores = self.combined(task, answers)
        scored = {number for answer in answers for number in answer or ()}
        task.unread.update(number for number in range(len(task)) if number not in scored)
        return by_score(scores)

    def groups(self, order: Sequence[int]) -> list[list[int]]:
        """An order of candidates cut into groups, each with the anchors that it does not hold itself."""
        spread = range(min(self.anchors, self.group - 1))
        anchors = list(dict.fromkeys(number * len(order) // len(spread) for number in spread))
        own = even_groups(order, self.group - len(anchors))
        return [[*group, *(one for one in anchors if one not in group)] for group in own]

    def combined(self, task: Task, answers: Sequence[dict[int, float] | None]) -> list[float]:
        """One score a candidate: the groups' and the retriever's; unread ones keep the retriever's."""
        import numpy as np

        size = len(task)
        calls = [answer or {} for answer in answers]
        retrieved = np.array([candidate.score for candidate in task.candidates])
        if self.calibrate:
            grouped = calibrated(calls, size, retrieved.tolist()).values
        else:
            sums, counts = np.zeros(size), np.zeros(size)
            for call in calls:
                for number, score in call.items():
                    sums[number] += score
                    counts[number] += 1
            with np.errstate(invalid="ignore"):
                grouped = np.where(counts > 0, sums / counts, np.nan)
        unread = np.isnan(grouped)
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
