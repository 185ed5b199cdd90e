"""The stop candidate: a text that stands for "nothing of use", competes with the passages, and cuts the list.

What ranks below it is left out of the result. Source of the idea: RLCoder (arXiv 2407.19487), where a model
that ranks code learns to say that none helps.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.nodes.rerank.candidates import Ranking, Task


def text_of(task: Task, number: int) -> str:
    """The text of a candidate; of the number behind the last, that of the stop candidate."""
    return task.candidates[number].text if number < len(task) else task.prompts.stop


def ranking_of(order: Sequence[int], size: int) -> Ranking:
    """A ranking of `size` candidates; those behind the stop candidate, numbered `size`, are dropped."""
    place = order.index(size)
    kept = tuple(number for number in order if number < size)
    return Ranking(kept, dropped=frozenset(order[place + 1 :]))
