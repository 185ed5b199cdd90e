"""Leave-two-out: test on each user's last item, validate on the one before it.

Source: Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018, with the whole catalogue
ranked instead of a sample (Krichene and Rendle, KDD 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.interactions.sequences import Sequences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Part = Literal["validation", "test"]
#: A user of fewer interactions has none to spare: they are learned from, and nothing is asked.
SHORTEST = 3


@dataclass(frozen=True, eq=False)
class Asked:
    """Validation or test data: for each row a history, and the item that came next."""

    histories: Sequences
    targets: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.int64]) -> Asked:
        """These rows."""
        return Asked(self.histories.take(rows), self.targets[rows])


@dataclass(frozen=True, eq=False)
class Split:
    """Interactions split into training, validation and test data.

    `train` is all that any ranker may learn from: every user's items but the last two, and all items of
    users who are too short to be asked about. The history of the test includes the validation item.
    `asked` are the rows of the users in `validation` and `test`.
    """

    train: Sequences
    validation: Asked
    test: Asked
    asked: NDArray[np.int64]

    @property
    def short(self) -> int:
        """How many users were too short to be asked about."""
        return len(self.train) - len(self.asked)


def leave_two_out(sequences: Sequences) -> Split:
    """Split: train on all but the last two items, validate on the last but one, test on the last."""
    import numpy as np

    long = sequences.lengths >= SHORTEST
    asked = np.flatnonzero(long)
    whole = sequences.take(asked)
    ends = whole.offsets[1:]
    return Split(
        train=sequences.without_last(np.where(long, 2, 0)),
        validation=Asked(whole.without_last(2), whole.items[ends - 2]),
        test=Asked(whole.without_last(1), whole.items[ends - 1]),
        asked=asked,
    )


def leave_one_out(sequences: Sequences) -> tuple[Sequences, Asked]:
    """All but the last item, and the last one: what weights are chosen on when a model goes into use."""
    import numpy as np

    long = sequences.lengths >= SHORTEST
    whole = sequences.take(np.flatnonzero(long))
    return (
        sequences.without_last(np.where(long, 1, 0)),
        Asked(whole.without_last(1), whole.items[whole.offsets[1:] - 1]),
    )
