"""Evaluate rankers offline: leave-two-out, full catalogue, with confidence intervals over users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.bootstrap import Interval, interval
from orchestrator.errors import BadInput
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.protocol import SHORTEST, Split, leave_two_out
from orchestrator.ports.recommend import Ranker, Ranking, Training
from orchestrator.progress import Progress, silent
from orchestrator.recommendation.hit_metrics import (
    coverage,
    gains,
    hits,
    invalid,
    ranks,
)
from orchestrator.recommendation.rankers.registry import (
    RANKERS,
    RankerRegistry,
    default_of,
    fit,
    seconds_of,
    validation_of,
)
from orchestrator.recommendation.rankers.validation import Validation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

View = Literal["removed", "kept"]
VIEWS: tuple[View, ...] = ("removed", "kept")
CUTOFFS = (5, 10, 20)
#: How deep rankings are remembered: what a fusion asks of its parts.
DEPTH = 100
#: Of the bootstrap over users.
RESAMPLES = 2_000
#: Where what was trained is kept changes with this: another number trains again.
FORMAT = 2


@dataclass(frozen=True, eq=False)
class RankerResult:
    """The metrics of one ranker. `scores` has one value per user, averaged over seeds, by view and metric."""

    figures: Mapping[View, Mapping[str, float]]
    intervals: Mapping[View, Mapping[str, tuple[float, float]]]
    scores: Mapping[View, Mapping[str, NDArray[np.float64]]]
    seconds: float
    seeds: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of an evaluation: metrics of all rankers, and notes."""

    rankers: Mapping[str, RankerResult]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    users: int
    items: int
    interactions: int
    seeds: int
    limits: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: How good the rankers of the first seed are on validation, and which of them would answer by default.
    validation: Mapping[str, Validation] = field(default_factory=dict[str, Validation])

    @property
    def default(self) -> str | None:
        """The ranker that is best on validation data, which `train` would make the default."""
        return default_of(tuple(self.rankers), self.validation)

    def best(self) -> str | None:
        """The ranker of the highest NDCG@10 with the history removed."""
        return max(
            self.rankers, key=lambda name: self.rankers[name].figures["removed"]["ndcg@10"], default=None
        )

    def against(self, name: str, other: str, metric: str = "ndcg@10") -> Interval:
        """The NDCG@10 difference of two rankers, paired by user, with the history removed."""
        mine, theirs = (self.rankers[each].scores["removed"][metric] for each in (name, other))
        return interval(mine - theirs, resamples=RESAMPLES)


class CachedRankings:
    """A ranker with a cache of its rankings, shared by the rankers that are composed of it."""

    def __init__(self, ranker: Ranker) -> None:
        self.ranker = ranker
        self._kept: dict[tuple[int, bool], tuple[Sequences, Ranking]] = {}

    @property
    def name(self) -> str:
        """The ranker's."""
        return self.ranker.name

    def __getattr__(self, name: str) -> Any:
        """What else the ranker can do."""
        if name == "ranker":
            raise AttributeError(name)
        return getattr(self.ranker, name)

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k`, from the cache if the same histories were asked before."""
        if allowed is not None or k > DEPTH or (removed is not None and removed is not histories):
            return self.ranker.top(histories, k=k, allowed=allowed, removed=removed)
        key = (id(histories), removed is not None)
        if key not in self._kept or self._kept[key][0] is not histories:
            self._kept[key] = (histories, self.ranker.top(histories, k=DEPTH, removed=removed))
        ranking = self._kept[key][1]
        return Ranking(ranking.items[:, :k], ranking.scores[:, :k])


def evaluate(
    log: Log,
    registry: RankerRegistry,
    folder: Path,
    *,
    rankers: Sequence[str] = RANKERS,
    seeds: int = 1,
    settings: Mapping[str, Any] | None = None,
    progress: Progress = silent,
    told: Callable[[str, int, float], None] = lambda name, seed, seconds: None,
) -> Evaluation:
    """Train rankers on all but the last two items of every user, and test them on the last.

    What is trained is kept below `folder` and found again, so that an evaluation that was stopped goes
    on. `told` hears of each ranker that is tested: its name, the seed, and the seconds it took to train.
    """
    split = leave_two_out(log.interactions.sequences)
    if not len(split.test):
        raise BadInput(
            f"None of the {len(log.interactions):,} users has {SHORTEST} items: there is nothing to test on.",
            hint="Give longer histories, or train without an evaluation.",
        )
    collected: dict[str, list[dict[View, dict[str, Any]]]] = {}
    seconds: dict[str, float] = {}
    left_out: dict[str, str] = {}
    names = registry.order(rankers)
    shown = [name for name in RANKERS if name in rankers] + [name for name in rankers if name not in RANKERS]
    for seed in range(seeds):
        training = Training(
            items=log.items,
            train=split.train,
            chosen=split.validation,
            folder=folder / identity(log) / f"seed-{seed}",
            seed=seed,
            settings=settings or {},
            progress=progress,
        )

        def finished(name: str, ranker: Ranker, seed: int = seed, folder: Path = training.folder) -> None:
            took = seconds_of(folder / name)
            seconds[name] = seconds.get(name, 0.0) + took
            if name in shown:
                collected.setdefault(name, []).append(_tested(ranker, split, len(log.items)))
            told(name, seed, took)

        _, missing = fit(registry, names, training, finished=finished, wrap=CachedRankings)
        left_out.update({name: reason for name, reason in missing.items() if name in shown})
    return Evaluation(
        rankers={name: _summary(collected[name], seconds[name]) for name in shown if name in collected},
        left_out=left_out,
        notes=(*log.notes, *_short(split)),
        users=len(split.test),
        items=len(log.items),
        interactions=len(log.interactions.sequences.items),
        seeds=seeds,
        limits=limits(log, split),
        validation=validation_of(folder / identity(log) / "seed-0"),
    )


def _tested(ranker: Ranker, split: Split, items: int) -> dict[View, dict[str, Any]]:
    found: dict[View, dict[str, Any]] = {}
    for view in VIEWS:
        histories = split.test.histories
        ranking = ranker.top(histories, k=max(CUTOFFS), removed=histories if view == "removed" else None)
        places = ranks(ranking, split.test.targets)
        found[view] = {
            **{f"hr@{k}": hits(places, k) for k in CUTOFFS},
            **{f"ndcg@{k}": gains(places, k) for k in CUTOFFS},
            "coverage@10": coverage(ranking, items),
            "invalid@10": invalid(ranking, items),
        }
    return found


def _summary(runs: Sequence[Mapping[View, Mapping[str, Any]]], seconds: float) -> RankerResult:
    import numpy as np

    scores: dict[View, dict[str, NDArray[np.float64]]] = {}
    figures: dict[View, dict[str, float]] = {}
    intervals: dict[View, dict[str, tuple[float, float]]] = {}
    for view in VIEWS:
        scores[view], figures[view], intervals[view] = {}, {}, {}
        for metric in runs[0][view]:
            values = np.mean([run[view][metric] for run in runs], axis=0)
            figures[view][metric] = float(values.mean()) if values.size else 0.0
            if values.ndim:
                scores[view][metric] = values
                _, low, high = interval(values, resamples=RESAMPLES)
                intervals[view][metric] = (low, high)
    return RankerResult(figures, intervals, scores, seconds / len(runs), len(runs))


def _short(split: Split) -> tuple[str, ...]:
    if not split.short:
        return ()
    users = "1 user" if split.short == 1 else f"{split.short:,} users"
    return (f"{users} of fewer than three items: used for training, not for testing.",)


def limits(log: Log, split: Split) -> tuple[str, ...]:
    """Limitations of the metrics on this log, measured on the log itself."""
    import numpy as np

    sequences = log.interactions.sequences
    same = sequences.rows[1:] == sequences.rows[:-1]
    first, second = sequences.items[:-1][same], sequences.items[1:][same]
    told: list[str] = []
    ids = log.items.ids
    if len(first) and all(one.isdecimal() for one in ids):
        value = np.asarray([int(one) for one in ids])
        share = float((value[second] > value[first]).mean())
        # Numbers that say nothing of time ascend in half of the pairs.
        doubt = 2.0 * (0.25 / len(first)) ** 0.5
        if share > 0.5 + doubt:
            told.append(
                f"{share:.0%} of consecutive pairs ascend by item number: events of one day have no order of "
                "their own, and some of what looks like order is the numbering."
            )
    asked = split.test
    back = np.zeros(len(asked), dtype=np.bool_)
    repeated = asked.histories.items == asked.targets[asked.histories.rows]
    back[asked.histories.rows[repeated]] = True
    if back.any():
        told.append(f"{back.mean():.1%} of test items are in the history: removed, they cannot be found.")
    told.append("One log, one test item a user: differences within the intervals are not significant.")
    return tuple(told)


def identity(log: Log) -> str:
    """Another log, or a change of what is trained, has another folder."""
    digest = sha256(f"{FORMAT} {log.items.hash}".encode())
    digest.update(log.interactions.sequences.items.tobytes())
    digest.update(log.interactions.sequences.offsets.tobytes())
    for item in log.items.rows:
        digest.update(item.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]
