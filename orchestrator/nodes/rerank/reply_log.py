"""What came of a reranker's calls: failures, replies that could not be read, replies that said nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import ModelError

#: A reply on fewer passages than this may well leave their order as it is, or find them alike.
TELLING = 3


@dataclass(slots=True)
class ReplyLog:
    """Counts of one reranking. `judged` of the `answered` replies score or order several passages.

    Of these, `levels` has the score of each reply that gave all passages the same one, and `unchanged` counts
    those that named the passages in the order in which they were shown.
    """

    answered: int = 0
    failed: int = 0
    unreadable: int = 0
    judged: int = 0
    unchanged: int = 0
    stopped: bool = False
    levels: list[float] = field(default_factory=list[float])
    first: ModelError | None = None

    def fail(self, error: ModelError) -> None:
        """A call has failed."""
        self.failed += 1
        self.first = self.first or error

    @property
    def down(self) -> bool:
        """Whether the model was asked, and never answered."""
        return self.failed > 0 and not self.answered and not self.stopped

    @property
    def reason(self) -> str:
        """Why the first failed call did."""
        return self.first.told.rstrip(".") if self.first else ""

    def scored(self, scores: Mapping[int, float], size: int) -> None:
        """A reply has scored so many of `size` passages."""
        if size < TELLING:
            return
        self.judged += 1
        values = set(scores.values())
        if len(scores) == size and len(values) == 1:
            self.levels.append(values.pop())

    def ordered(self, order: Sequence[int], size: int) -> None:
        """A reply has ordered so many of `size` passages, which were shown as 0, 1, 2…"""
        if size < TELLING:
            return
        self.judged += 1
        if len(order) == size and list(order) == list(range(size)):
            self.unchanged += 1

    @property
    def empty(self) -> int:
        """How many replies told the passages not apart.

        That all of a group are of no use is a judgement, unless every reply says the same of every group.
        """
        always = len(self.levels) == self.judged and len(set(self.levels)) == 1
        return self.unchanged + sum(always or level > 0 for level in self.levels)

    def said(self) -> list[str]:
        """What a run reports of it, a reason each."""
        told: list[str] = []
        calls = self.answered + self.failed
        if self.failed:
            told.append(f"reranked in part: {self.failed} of {calls} model calls failed ({self.reason})")
        if self.unreadable:
            told.append(f"reranked in part: {self.unreadable} of {self.answered} replies could not be read")
        if self.empty:
            told.append(
                f"reranked in part: {self.empty} of {self.judged} replies told the passages not apart "
                "(all scores equal, or the order as it was shown)"
            )
        return told
