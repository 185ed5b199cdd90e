"""The whole pipeline: candidates of every ranker that is there, a linear fusion, and trees that reorder it.

The trees (LambdaMART: Burges, "From RankNet to LambdaRank to LambdaMART", 2010, as LightGBM has it) see
what each ranker says of a candidate, the linear score, the item's popularity and the history's length, and
so can trust a ranker more for some histories than for others. Linear weights and trees are learned from
the validation items of different users; how many trees is decided by a third group, and if the
linear order was better there, no trees are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.interactions.protocol import Asked
from orchestrator.ports.recommend import Ranker, Ranking, Training
from orchestrator.recommendation.hit_metrics import gains, ranks
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.candidates import Candidates, ranking_of
from orchestrator.recommendation.rankers.learned_fusion import Fusion, learn_fusion, table_of
from orchestrator.recommendation.selection import in_slices, nothing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: Users the trees are learned from at most, and the share of them that decides how many trees.
SAMPLE, HELD_OUT = 16_000, 0.25
ROUNDS, PATIENCE = 400, 30
PARAMETERS: Mapping[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "lambda_l2": 5.0,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "metric": "ndcg",
    "eval_at": [10],
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
_AT_ONCE = 2_048


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A linear fusion, and trees over its candidates; `trees` None keeps the linear order."""

    fusion: Fusion
    trees: Any
    name: str = "pipeline"

    @property
    def rankers(self) -> tuple[Ranker, ...]:
        """What it is made of."""
        return self.fusion.rankers

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` among the candidates of all rankers; nothing for an empty history."""
        import numpy as np

        if self.trees is None:
            return self.fusion.top(histories, k=k, allowed=allowed, removed=removed)
        pool = max(self.fusion.pool, k)
        rankings = [
            ranker.top(histories, k=pool, allowed=allowed, removed=removed) for ranker in self.fusion.rankers
        ]

        def rank(rows: NDArray[np.int64]) -> Ranking:
            union = self.fusion.union([Ranking(each.items[rows], each.scores[rows]) for each in rankings])
            if not len(union):
                return nothing(len(rows), k)
            seen = described(self.fusion, union, histories.take(rows))
            return ranking_of(union, self.trees.predict(seen), k, self.fusion.popularity)

        known = np.flatnonzero(histories.lengths)
        return in_slices(rank, len(histories), k=k, size=_AT_ONCE, among=known)

    def save(self, folder: Path) -> None:
        """Write the weights and the trees, as text."""
        self.fusion.save(folder)
        if self.trees is not None:
            (folder / "trees.txt").write_text(self.trees.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, parts: Mapping[str, Ranker], popularity: NDArray[np.float32]) -> Pipeline:
        """What `save` wrote."""
        fusion = Fusion.load("pipeline", folder, parts, popularity)
        trees = None
        if (folder / "trees.txt").exists():
            trees = library("lightgbm").Booster(model_str=(folder / "trees.txt").read_text(encoding="utf-8"))
        return cls(fusion, trees)


def described(fusion: Fusion, union: Candidates, histories: Sequences) -> NDArray[np.float32]:
    """What the trees see of each candidate."""
    import numpy as np

    table = table_of(union, fusion.popularity)
    linear = fusion.scores(union).astype(np.float32)
    length = np.log1p(histories.lengths[union.row]).astype(np.float32)
    return np.concatenate([table, linear[:, None], length[:, None]], axis=1)


def learn_pipeline(training: Training, popularity: NDArray[np.float32]) -> Pipeline:
    """Linear weights on a third of the users with a validation item, trees on the others."""
    import numpy as np

    chosen = training.chosen
    order = np.random.default_rng(training.seed).permutation(len(chosen))
    third = len(order) // 3
    linear, trees = np.sort(order[:third]), np.sort(order[third : third + SAMPLE])
    fusion = learn_fusion("pipeline", _with(training, chosen.take(linear) if third else chosen), popularity)
    if len(trees) < 40:
        return Pipeline(fusion, None)
    asked = chosen.take(trees)
    held_out = np.zeros(len(asked), dtype=np.bool_)
    held_out[np.random.default_rng(training.seed + 1).random(len(asked)) < HELD_OUT] = True
    rankings = [
        ranker.top(asked.histories, k=fusion.pool, removed=asked.histories) for ranker in fusion.rankers
    ]
    union = fusion.union(rankings)
    seen = described(fusion, union, asked.histories)
    grown = _grown(union, seen, union.is_target(asked.targets), held_out, training.seed)
    if grown is None:
        return Pipeline(fusion, None)
    linear_order = ranking_of(union, fusion.scores(union), 10, popularity)
    by_trees = ranking_of(union, grown.predict(seen), 10, popularity)
    before, after = (
        gains(ranks(each, asked.targets), 10)[held_out].mean() for each in (linear_order, by_trees)
    )
    return Pipeline(fusion, grown if after > before else None)


def _grown(
    union: Candidates,
    seen: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    held_out: NDArray[np.bool_],
    seed: int,
) -> Any:
    """Trees that lift the chosen candidates, as many as the users held out bear; None without any."""
    import numpy as np

    lightgbm = library("lightgbm")
    teaches = np.zeros(union.rows, dtype=np.bool_)
    teaches[union.row[chosen]] = True
    sets: list[Any] = []
    for part in (teaches & ~held_out, teaches & held_out):
        kept = part[union.row]
        if not kept.any():
            return None
        sizes = np.bincount(union.row[kept], minlength=union.rows)
        sets.append(lightgbm.Dataset(seen[kept], chosen[kept].astype(np.int32), group=sizes[sizes > 0]))
    callbacks: Sequence[Any] = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    return lightgbm.train(
        {**PARAMETERS, "seed": seed}, sets[0], ROUNDS, valid_sets=[sets[1]], callbacks=list(callbacks)
    )


def _with(training: Training, chosen: Asked) -> Training:
    from dataclasses import replace

    return replace(training, chosen=chosen)
