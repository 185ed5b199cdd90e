"""Fusion: several rankers rank, and a linear score of what each says orders the union of their candidates.

No weight is set by hand: they are the conditional logit of the validation items among the candidates,
under the very removal that a recommendation has. Without anything to learn from, every ranker's places
count alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import BadInput
from orchestrator.ports.recommend import Ranker, Ranking, Training
from orchestrator.recommendation.rankers.candidates import (
    SIGNALS,
    Candidates,
    candidates,
    floor_of,
    ranking_of,
)
from orchestrator.recommendation.rankers.conditional_logit import conditional_logit
from orchestrator.recommendation.rankers.tuning import sampled
from orchestrator.recommendation.selection import in_slices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: Candidates that each ranker may name, and users whose validation item the weights are learned from.
POOL, SAMPLE = 100, 6_000
_AT_ONCE = 2_048


@dataclass(frozen=True, eq=False)
class Fusion:
    """Rankers, the weights of their signals (rankers × SIGNALS, flat), and that of an item's popularity.

    `popularity` is log(1 + how often an item was had), by number; `floors` has one value a ranker.
    """

    name: str
    rankers: tuple[Ranker, ...]
    floors: tuple[float, ...]
    weights: NDArray[np.float64]
    popularity: NDArray[np.float32]
    pool: int = POOL

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` among the candidates of all rankers; nothing for an empty history.

        Weights were learned of histories: of none they say nothing, and popularity's might be negative.
        """
        import numpy as np

        rankings = [
            ranker.top(histories, k=max(self.pool, k), allowed=allowed, removed=removed)
            for ranker in self.rankers
        ]

        def rank(rows: NDArray[np.int64]) -> Ranking:
            union = self.union([Ranking(each.items[rows], each.scores[rows]) for each in rankings])
            return ranking_of(union, self.scores(union), k, self.popularity)

        known = np.flatnonzero(histories.lengths)
        return in_slices(rank, len(histories), k=k, size=_AT_ONCE, among=known)

    def union(self, rankings: Sequence[Ranking]) -> Candidates:
        """The candidates of these rankings, one a ranker."""
        return candidates(rankings, self.floors, len(self.popularity))

    def scores(self, union: Candidates) -> NDArray[np.float64]:
        """The linear score of each candidate."""
        return table_of(union, self.popularity).astype("float64") @ self.weights

    def save(self, folder: Path) -> None:
        """Write the weights; the rankers are saved by their own trainers."""
        values = {
            "rankers": [ranker.name for ranker in self.rankers],
            "floors": list(self.floors),
            "weights": [float(each) for each in self.weights],
            "pool": self.pool,
        }
        (folder / "fusion.json").write_text(json.dumps(values, indent=1), encoding="utf-8")

    @classmethod
    def load(
        cls, name: str, folder: Path, parts: Mapping[str, Ranker], popularity: NDArray[np.float32]
    ) -> Fusion:
        """What `save` wrote, over rankers that are loaded already."""
        import numpy as np

        values = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
        lacking = [each for each in values["rankers"] if each not in parts]
        if lacking:
            raise BadInput(
                f"The ranker {name} is made of {', '.join(lacking)}, which is not there.",
                hint="Train again: `orchestrator recommend train --data DIR`.",
            )
        return cls(
            name,
            tuple(parts[each] for each in values["rankers"]),
            tuple(values["floors"]),
            np.asarray(values["weights"], dtype=np.float64),
            popularity,
            int(values["pool"]),
        )


def table_of(union: Candidates, popularity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signals of all rankers side by side, and the item's popularity in the last column."""
    import numpy as np

    flat = union.signals.reshape(len(union), int(np.prod(union.signals.shape[1:])))
    return np.concatenate([flat, popularity[union.item][:, None]], axis=1)


def learn_fusion(name: str, training: Training, popularity: NDArray[np.float32]) -> Fusion:
    """The fusion of `training.parts`, its weights learned from the chosen part."""
    import numpy as np

    rankers = tuple(training.parts.values())
    asked = sampled(training.chosen, SAMPLE, training.seed)
    rankings = [ranker.top(asked.histories, k=POOL, removed=asked.histories) for ranker in rankers]
    floors = tuple(floor_of(ranking) for ranking in rankings)
    weights = np.zeros(len(rankers) * len(SIGNALS) + 1)
    if len(asked):
        union = candidates(rankings, floors, len(training.items))
        table = table_of(union, popularity)
        weights = conditional_logit(union.row, table, union.is_target(asked.targets))
    if not weights.any():
        weights[SIGNALS.index("reciprocal") : -1 : len(SIGNALS)] = 1.0
    return Fusion(name, rankers, floors, weights, popularity)
