"""Interaction sequences in time order: item numbers in one flat array with row offsets (CSR)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of item numbers as ragged rows: row r is `items[offsets[r]:offsets[r + 1]]`, oldest first.

    `offsets` has one entry more than there are rows (int64), `items` is int32. `times` are seconds, one for
    each of `items` (float64), where the log has them. As histories they are what a ranker ranks for; as
    exclusions what it must leave out.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | NDArray[np.int32]]) -> Sequences:
        """From one sequence of numbers a row."""
        import numpy as np

        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        parts = [np.asarray(row, dtype=np.int32) for row in rows]
        return cls(offsets, np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.items[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        return (self[row] for row in range(len(self)))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many items each row has."""
        return self.offsets[1:] - self.offsets[:-1]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry of `items`."""
        import numpy as np

        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def ages(self) -> NDArray[np.int64]:
        """How far each entry of `items` is from the end of its row: 0 for the newest."""
        import numpy as np

        return self.offsets[self.rows + 1] - 1 - np.arange(len(self.items))

    def take(self, rows: NDArray[np.int64] | slice) -> Sequences:
        """These rows, in this order."""
        import numpy as np

        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        lengths = self.lengths[rows]
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        starts = np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        places = starts + np.arange(len(starts), dtype=np.int64)
        return Sequences(offsets, self.items[places], None if self.times is None else self.times[places])

    def without_last(self, count: int | NDArray[np.int64]) -> Sequences:
        """Rows without their newest `count` items (one number, or one a row)."""
        import numpy as np

        counts = np.broadcast_to(np.asarray(count), (len(self),))
        return self._where(self.ages >= counts[self.rows])

    def newest(self, count: int) -> Sequences:
        """The newest `count` items of each row."""
        return self._where(self.ages < count)

    def followed_by(self, others: Sequences) -> Sequences:
        """Each row, and behind it the row of `others`; without times."""
        import numpy as np

        if len(others) != len(self):
            raise ValueError(f"{len(self)} rows cannot be followed by {len(others)} rows.")
        order = np.argsort(np.concatenate([self.rows, others.rows]), kind="stable")
        return Sequences(self.offsets + others.offsets, np.concatenate([self.items, others.items])[order])

    def _where(self, kept: NDArray[np.bool_]) -> Sequences:
        import numpy as np

        offsets = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.rows[kept], minlength=len(self)), out=offsets[1:])
        return Sequences(offsets, self.items[kept], None if self.times is None else self.times[kept])


@dataclass(frozen=True, eq=False)
class Interactions:
    """The sequences of named users."""

    users: tuple[str, ...]
    sequences: Sequences

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each user."""
        return {user: row for row, user in enumerate(self.users)}

    def of(self, user: str) -> NDArray[np.int32] | None:
        """A user's items, the oldest first; None for one who is not known."""
        row = self.rows.get(user)
        return None if row is None else self.sequences[row]
