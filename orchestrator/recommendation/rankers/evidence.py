"""Evidence for item pairs in a log: how many users had both, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences


@dataclass(frozen=True, eq=False)
class Evidence:
    """By item, who had it: users ascending, with the first and the last place in their histories.

    The users of item i are `users[offsets[i]:offsets[i + 1]]`, and so for `first` and `last`.
    """

    offsets: NDArray[np.int64]
    users: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequences, items: int) -> Evidence:
        """What the interactions say."""
        import numpy as np

        place = np.arange(len(sequences.items)) - sequences.offsets[:-1][sequences.rows]
        order = np.lexsort((place, sequences.rows, sequences.items))
        item, user, place = sequences.items[order], sequences.rows[order], place[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (item[1:] != item[:-1]) | (user[1:] != user[:-1])
        starts = np.flatnonzero(new)
        ends = np.append(starts[1:], len(order))
        offsets = np.zeros(items + 1, dtype=np.int64)
        np.cumsum(np.bincount(item[starts], minlength=items), out=offsets[1:])
        return cls(offsets, user[starts], place[starts], place[ends - 1] if len(ends) else place)

    def of_pairs(
        self, sources: Sequence[int], targets: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Users (sources, targets) who had both, who had the target after the source, and before it.

        Whoever had them in turn counts as having had the one after the other and before it.
        """
        import numpy as np

        counts = np.zeros((3, len(sources), len(targets)), dtype=np.int64)
        spans: list[NDArray[np.int64]] = [
            np.arange(self.offsets[one], self.offsets[one + 1]) for one in targets
        ]
        if not spans:
            return counts[0], counts[1], counts[2]
        entries = np.concatenate(spans)
        target = np.repeat(np.arange(len(targets)), [len(span) for span in spans])
        users = self.users[entries]
        for at, source in enumerate(sources):
            begin, end = int(self.offsets[source]), int(self.offsets[source + 1])
            own = self.users[begin:end]
            if not len(own):
                continue
            found = np.minimum(np.searchsorted(own, users), len(own) - 1)
            both = own[found] == users
            mine, theirs = begin + found[both], entries[both]
            for row, holds in enumerate(
                (
                    np.ones(len(mine), dtype=np.bool_),
                    self.last[theirs] > self.first[mine],
                    self.first[theirs] < self.last[mine],
                )
            ):
                counts[row, at] = np.bincount(target[both][holds], minlength=len(targets))
        return counts[0], counts[1], counts[2]
