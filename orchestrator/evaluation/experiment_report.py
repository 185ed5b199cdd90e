"""The report of an experiment: quality of each arm with intervals, cost and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.bootstrap import Interval
from orchestrator.errors import BadInput
from orchestrator.evaluation.significance import paired_p
from orchestrator.evaluation.trec_runs import save_run
from orchestrator.types import Hits

if TYPE_CHECKING:
    from rich.table import Table

#: Two means differ where the adjusted p is below this.
LEVEL = 0.05


class Latency(NamedTuple):
    """Latency per query in milliseconds of an arm that runs alone: median and 99th percentile."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class ArmReport:
    """The results of one arm. `scores` has each metric's value by query; `calls` and `tokens` are means.

    A query of `failures` (query → error) has no ranking and counts as 0. `degraded` counts queries on
    which the arm did less than it could. A saved run has no cost.
    """

    name: str
    metrics: Mapping[str, Interval]
    scores: Mapping[str, Mapping[str, float]]
    rankings: Mapping[str, Hits] = field(repr=False)
    latency: Latency | None = None
    calls: float | None = None
    tokens: float | None = None
    failures: Mapping[str, str] = field(default_factory=dict[str, str])
    degraded: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of an arm with the baseline on one metric.

    `p` is the two-sided p of the paired randomisation test, after Holm's correction over all arms.
    """

    metric: str
    arm: str
    baseline: str
    difference: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the difference is unlikely to be chance."""
        return self.p < LEVEL


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an experiment. The first arm is the baseline of the comparisons.

    `seconds` is how long the runs took, without loading and scoring, `node_seconds` the part of it that
    was spent in nodes, each shared one counted once.
    """

    data: str
    queries: int
    arms: Mapping[str, ArmReport]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    seconds: float = 0.0
    node_seconds: float = 0.0

    @property
    def baseline(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    def compare(self, arm: str, other: str, metric: str) -> Comparison:
        """Any two arms on one metric, as a single planned comparison: without correction."""
        for name in (arm, other):
            if name not in self.arms:
                raise BadInput(f"No arm is called {name!r}.", hint=f"Arms: {', '.join(self.arms)}.")
        first, second = self.arms[arm].scores, self.arms[other].scores
        if metric not in first:
            raise BadInput(f"{metric!r} was not measured.", hint=f"Metrics: {', '.join(first)}.")
        pairs = [(first[metric][query], second[metric][query]) for query in first[metric]]
        ours, theirs = [one for one, _ in pairs], [one for _, one in pairs]
        difference = (sum(ours) - sum(theirs)) / len(pairs)
        return Comparison(metric, arm, other, difference, paired_p(ours, theirs))

    def json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "data": self.data,
            "queries": self.queries,
            "arms": {name: _plain(arm) for name, arm in self.arms.items()},
            "comparisons": [
                {
                    "metric": each.metric,
                    "arm": each.arm,
                    "baseline": each.baseline,
                    "difference": each.difference,
                    "p": each.p,
                }
                for each in self.comparisons
            ],
            "notes": list(self.notes),
            "seconds": self.seconds,
            "versions": dict(self.versions),
        }

    def save_runs(self, folder: str | Path) -> list[Path]:
        """Write each arm's rankings to a file in TREC's format, `<arm>.run`; the files."""
        files: list[Path] = []
        for name, arm in self.arms.items():
            files.append(Path(folder) / f"{_file_name(name)}.run")
            save_run(files[-1], arm.rankings, name=name)
        return files

    def table(self, *, ascii_only: bool = False) -> Table:
        """The report as a table of rich."""
        from rich import box
        from rich.table import Table

        lines = box.ASCII2 if ascii_only else box.HEAVY_HEAD
        table = Table(title=f"{self.data}: {self.queries} queries", caption=self._caption(), box=lines)
        table.add_column("arm", overflow="fold")
        names = list(next(iter(self.arms.values())).metrics)
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        for heading in ("p50 ms", "p99 ms", "calls", "tokens"):
            table.add_column(heading, justify="right", no_wrap=True)
        faulty = any(arm.failures or arm.degraded for arm in self.arms.values())
        if faulty:
            table.add_column("failed", justify="right")
            table.add_column("degraded", justify="right")
        marks = {
            (each.arm, each.metric): " +" if each.difference > 0 else " -"
            for each in self.comparisons
            if each.significant
        }
        for name, arm in self.arms.items():
            cells = [_cell(arm.metrics[each]) + marks.get((name, each), "  ") for each in names]
            cells += ["-", "-"] if arm.latency is None else [f"{value:.2f}" for value in arm.latency]
            cells += ["-" if value is None else f"{value:g}" for value in (arm.calls, arm.tokens)]
            cells += [str(len(arm.failures)), str(arm.degraded)] if faulty else []
            table.add_row(name, *cells)
        return table

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        written = StringIO()
        console = Console(file=written, width=1000, color_system=None)
        console.print(self.table(ascii_only=True))
        for note in self.notes:
            console.print(f"Note: {note}", markup=False, highlight=False)
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines())

    def _caption(self) -> str:
        caption = "mean [95 % bootstrap interval]"
        if self.comparisons:
            caption += (
                f"; + and - differ from {self.baseline} (paired randomisation test, Holm, p < {LEVEL:g})"
            )
        return caption


def _cell(interval: Interval) -> str:
    return f"{interval.mean:.4f} [{interval.low:.3f}, {interval.high:.3f}]"


def _plain(arm: ArmReport) -> dict[str, Any]:
    latency = arm.latency
    return {
        "metrics": {name: interval._asdict() for name, interval in arm.metrics.items()},
        "latency_ms": latency._asdict() if latency else {"p50": None, "p99": None},
        "calls": arm.calls,
        "tokens": arm.tokens,
        "failed": len(arm.failures),
        "degraded": arm.degraded,
    }


def _file_name(arm: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in arm).lstrip(".") or "arm"
