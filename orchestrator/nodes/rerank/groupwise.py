"""Groupwise reranking (GroupRank, arXiv 2511.11653): scores within groups, all groups in one round.

In the published code a stride above the group's size skips documents and an unreadable group becomes
zeros. Here every document is in one group a repeat; an unreadable output is asked for once more, and
what is still unread keeps the retriever's score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.nodes.rerank.calls import together
from orchestrator.nodes.rerank.candidates import Ranking, Task, by_score, even_groups
from orchestrator.nodes.rerank.replies.scales import rescaled
from orchestrator.nodes.rerank.replies.scores import Amounts, parse_amounts
from orchestrator.nodes.rerank.schemas import scores_schema
from orchestrator.nodes.rerank.stop_candidate import text_of
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.ports import Generation
from orchestrator.ranking.calibration import calibrated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Tokens of one entry of the reply, `"12": 10, `, with room to spare.
_ENTRY_TOKENS = 8


@dataclass(frozen=True)
class Groupwise:
    """Groupwise scoring: ⌈N/group⌉ calls per repeat; score = weight·group score + (1 − weight)·retriever's.

    With `calibrate`, each call's scores are moved by how strict it was, before the average (`calibrated`);
    the published method averages them as they are. `anchors` candidates, spread over the retriever's
    ranking, are shown in every group beside its own, so that calls have more in common. With `stop`, a
    stop candidate is the last of every group, and who is judged lower in the mean is cut.
    """

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = True
    group: int = 10
    repeats: int = 2
    weight: float = 0.6
    calibrate: bool = True
    anchors: int = 0
    stop: bool = False

    async def __call__(self, task: Task) -> Ranking:
        """Candidates by combined score. Their scores are the groups' alone, moved to [0, 1]."""
        groups = [group for repeat in range(self.repeats) for group in self.groups(task.shuffled(repeat))]
        stop = [len(task)] if self.stop else []
        answers = await together(
            task,
            [lambda group=group: _scored(task, [*group, *stop]) for group in groups],
            lambda answers: self.ranked(task, answers),
        )
        ranking = self.ranked(task, answers)
        task.unread.update(number for number in range(len(task)) if number not in ranking.scores)
        return ranking

    def groups(self, order: Sequence[int]) -> list[list[int]]:
        """An order of candidates cut into groups, each with the anchors that it does not hold itself."""
        spread = range(min(self.anchors, self.group - 1))
        anchors = list(dict.fromkeys(number * len(order) // len(spread) for number in spread))
        own = even_groups(order, self.group - len(anchors))
        return [[*group, *(one for one in anchors if one not in group)] for group in own]

    def ranked(self, task: Task, answers: Sequence[Amounts | None]) -> Ranking:
        """Of what the groups said: by their scores and the retriever's; unread ones keep the latter."""
        import numpy as np

        size = len(task)
        retrieved = np.array([candidate.score for candidate in task.candidates])
        # All groups are on one scale: one of low scores alone does not tell which.
        calls = rescaled([answer or {} for answer in answers], 0.0, float(task.prompts.criterion.highest))
        judged = self.judged(task, calls, retrieved.tolist())
        read = ~np.isnan(judged)
        # What is taken off a call for its strictness may lead beyond the scale.
        known = {number: min(1.0, max(0.0, float(judged[number]))) for number in range(size) if read[number]}
        combined = self.weight * np.where(read, judged, np.append(retrieved, 0.0))[:size]
        combined += (1 - self.weight) * retrieved
        bar = float(judged[size]) if self.stop and read[size] else -np.inf
        dropped = frozenset(number for number in known if judged[number] < bar)
        return Ranking(tuple(by_score(combined.tolist())), known, dropped)

    def judged(
        self, task: Task, calls: Sequence[Mapping[int, float]], retrieved: Sequence[float]
    ) -> NDArray[np.float64]:
        """The mean grade of each candidate, then of the stop candidate, moved to [0, 1]; NaN if none."""
        import numpy as np

        size = len(task) + 1
        highest = task.prompts.criterion.highest
        if self.calibrate:
            # Of the stop candidate, nothing is known before.
            prior = [*retrieved, float(np.mean(retrieved))]
            return calibrated(calls, size, prior).values / highest
        sums, counts = np.zeros(size), np.zeros(size)
        for call in calls:
            for number, score in call.items():
                sums[number] += score
                counts[number] += 1
        with np.errstate(invalid="ignore"):
            return np.where(counts > 0, sums / counts, np.nan) / highest


async def _scored(task: Task, group: Sequence[int]) -> Amounts:
    """Grades of a group's candidates, as they were written; asked once more if some are missing.

    What is read last counts.
    """
    highest = task.prompts.criterion.highest
    prompt = task.prompts.scores(task.question, [text_of(task, number) for number in group])
    scores: Amounts = {}
    for attempt in range(2):
        try:
            generated: Generation[object] = await task.model.generate(
                prompt,
                schema=None if task.reasoning else scores_schema(len(group), highest),
                max_tokens=16 + _ENTRY_TOKENS * len(group),
                seed=task.seed + attempt,
                reasoning=task.reasoning,
            )
        except (BudgetExhausted, ModelError):
            # What was read before stands.
            if attempt == 0:
                raise
            break
        scores |= parse_amounts(generated.text, len(group))
        if len(scores) == len(group):
            break
    task.replies.scored({position: one.value for position, one in scores.items()}, len(group))
    if not scores:
        task.replies.unreadable += 1
    return {group[position]: score for position, score in scores.items()}
