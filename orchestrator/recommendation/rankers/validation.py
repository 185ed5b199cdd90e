"""How good each ranker is on validation, and which of them answers when none is named.

Most rankers choose a few constants on the validation items, and are judged on the same ones. A ranker that
is made of others learns weights or trees from them, and would be judged by what it knows: it is learned
without the users it is judged on (cross-fitting; of many users a part is held out once), and the ranker
that is used is then learned from all of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.ports.recommend import Ranker, Trainer, Training
from orchestrator.recommendation.hit_metrics import gains, hits
from orchestrator.recommendation.rankers.tuning import CUTOFF, places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Above this many users a part is held out to judge on; below, all are, in turn.
MANY, HELD_OUT, FOLDS = 8_000, 4_000, 3


@dataclass(frozen=True, slots=True)
class Validation:
    """NDCG@10 and HR@10 over users whose validation item was ranked, the history removed."""

    ndcg: float
    hr: float
    users: int

    @classmethod
    def read(cls, kept: object) -> Validation | None:
        """What `asdict` made of one; None for what was kept by a release that judged nothing."""
        if not isinstance(kept, Mapping):
            return None
        values: Mapping[str, Any] = kept  # type: ignore[assignment]
        return cls(float(values["ndcg"]), float(values["hr"]), int(values["users"]))

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def validate(trainer: Trainer, ranker: Ranker, training: Training) -> Validation | None:
    """How good a ranker is that `trainer` made of `training`; None without a user to judge on."""
    import numpy as np

    asked = training.chosen
    if not len(asked):
        return None
    found: list[NDArray[np.int32]] = []
    for learned_from, judged_on in _folds(len(asked), training.seed):
        judge = ranker
        if trainer.parts and len(learned_from):
            judge = _apart(trainer, replace(training, chosen=asked.take(learned_from)))
        found.append(places(judge, asked.take(judged_on), CUTOFF))
    where = np.concatenate(found)
    return Validation(float(gains(where, CUTOFF).mean()), float(hits(where, CUTOFF).mean()), len(where))


def _folds(users: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to judge on, apart from each other: the same for every ranker."""
    import numpy as np

    order = np.random.default_rng((seed, users)).permutation(users)
    if users > MANY:
        parts = [order[:HELD_OUT]]
    elif users >= FOLDS:
        parts = np.array_split(order, FOLDS)
    else:
        parts = [order]
    for part in parts:
        yield np.setdiff1d(np.arange(users), part), np.sort(part)


def _apart(trainer: Trainer, training: Training) -> Ranker:
    """The ranker of fewer users, of which nothing is kept."""
    folder = training.folder / "validation"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return trainer.fit(replace(training, folder=folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
