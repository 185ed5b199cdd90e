"""Retrieval quality and cost of workflows without a language model, on judged data sets, beside BM25.

    python -m benchmarks.retrieval [--data DIR] [--sets scifact cranfield …] [--workflows search …]
                                   [--embedders light minilm] [--ablations] [--json FILE]

Every arm runs on every query. Figures are the mean of the set's metric with its 95 % bootstrap
interval, once over all queries and once over the *odd half*: those queries whose id's SHA-256 begins
with an odd byte. Constants of the library are chosen on the even halves only, so that the odd half is
the figure to read; the one on all queries is there to compare with published ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from benchmarks import harness
from orchestrator import Workflow, fuse, workflow
from orchestrator.application.application import Application
from orchestrator.bootstrap import Interval, interval
from orchestrator.evaluation import Dataset, Report, beir, experiment
from orchestrator.evaluation.experiment_report import ArmReport
from orchestrator.evaluation.significance import paired_p
from orchestrator.nodes import Interpolate, Retrieve, SplitQuestion, TitleMentionBoost, VectorFeedback, rrf
from orchestrator.settings import Settings


@dataclass(frozen=True)
class Target:
    """What is asked of a set: its metric, and the least that BM25 and the best arm should reach."""

    metric: str
    bm25: float
    best: float


TARGETS = {
    "scifact": Target("ndcg@10", 0.675, 0.735),
    "cranfield": Target("ndcg@10", 0.38, 0.46),
    "musique": Target("recall@5", 0.49, 0.65),
    "theoremqa": Target("recall@5", 0.64, 0.75),
    "toolbench": Target("recall@5", 0.64, 0.68),
    "limit-small": Target("recall@2", 0.97, 0.98),
}
#: Measured on every set, beside the target's.
METRICS = ("ndcg@10", "recall@5", "recall@100")
BASELINE = "bm25"
Embedding = Literal["light", "minilm"]
#: As in `workflows/hybrid.py`.
HYBRID_PARTS = SplitQuestion(at_most=4)
HYBRID_FEEDBACK = VectorFeedback(docs=4, share=0.5, agreement=(0.2, 0.9))


def odd(query: str) -> bool:
    """Whether a query is in the half that figures are read on."""
    return bool(hashlib.sha256(query.encode()).digest()[0] & 1)


def baselines() -> list[Workflow]:
    """What everything is compared with: each leg alone, and both fused with no constant of ours."""
    return [
        workflow(BASELINE, Retrieve(k=100, mode="bm25")),
        workflow("dense", Retrieve(k=100, mode="dense")),
        workflow("plain rrf", Retrieve(k=100, fusion="rrf", weights=(1.0, 1.0))),
    ]


def ablations() -> list[Workflow]:
    """The hybrid workflow without each of its parts."""
    sparse = Retrieve(k=100, mode="bm25").writing("sparse")
    dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")
    first = sparse >> dense >> Interpolate()
    again = HYBRID_FEEDBACK >> dense >> Interpolate()
    by_rank = fuse(Retrieve(k=100, mode="bm25") | Retrieve(k=100, mode="dense", fusion="max"), by=rrf())
    return [
        workflow("hybrid without sentences", first >> again >> TitleMentionBoost()),
        workflow("hybrid without feedback", HYBRID_PARTS >> first >> TitleMentionBoost()),
        workflow("hybrid without mentions", HYBRID_PARTS >> first >> again),
        workflow(
            "hybrid by rank", HYBRID_PARTS >> by_rank >> HYBRID_FEEDBACK >> by_rank >> TitleMentionBoost()
        ),
    ]


async def measured(
    data: Dataset, embedder: Embedding, home: Path, names: Iterable[str], *, parts: bool = False
) -> Report:
    """All arms with one embedder on one set."""
    # Its indexes lie apart from everybody's.
    async with Application(Settings(home=home / embedder, embedder=embedder)) as application:
        arms = [*baselines(), *(application.workflow(name) for name in names)]
        arms += ablations() if parts else []
        target = TARGETS.get(data.name)
        metrics: list[str] = list(dict.fromkeys([*([target.metric] if target else []), *METRICS]))
        return await experiment(arms, data=data, metrics=metrics, application=application)


def half(arm: ArmReport, metric: str) -> Interval:
    """The arm's mean over the odd half."""
    return interval([value for query, value in arm.scores[metric].items() if odd(query)])


def half_p(arm: ArmReport, baseline: ArmReport, metric: str) -> float:
    """Whether it differs from the baseline on the odd half; uncorrected."""
    queries = [query for query in arm.scores[metric] if odd(query)]
    return paired_p(
        [arm.scores[metric][query] for query in queries],
        [baseline.scores[metric][query] for query in queries],
    )


def table(data: Dataset, reports: Mapping[str, Report]) -> Table:
    """One set: an arm and embedder a row."""
    target = TARGETS.get(data.name)
    metric = target.metric if target else METRICS[0]
    halves = sum(map(odd, data.queries))
    asked = f"; BM25 ≥ {target.bm25:g}, best ≥ {target.best:g}" if target else ""
    shown = Table(title=f"{data.name}, {metric}{asked}")
    for heading in ("arm", "embedder"):
        shown.add_column(heading)
    for heading in (f"odd half ({halves})", "p to bm25", f"all ({len(data.queries)})", "p50 ms", "p99 ms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for embedder, report in reports.items():
        for name, arm in report.arms.items():
            if name == BASELINE and embedder != next(iter(reports)):
                continue
            p = "" if name == BASELINE else f"{half_p(arm, report.arms[BASELINE], metric):.3f}"
            latency = arm.latency or (0.0, 0.0)
            shown.add_row(
                name,
                "" if name == BASELINE else embedder,
                _shown(half(arm, metric)),
                p,
                _shown(arm.metrics[metric]),
                *(f"{value:.2f}" for value in latency),
            )
    return shown


def verdicts(data: Dataset, reports: Mapping[str, Report]) -> list[str]:
    """Each target of a set, against the odd half."""
    target = TARGETS.get(data.name)
    if target is None:
        return []
    bm25 = half(next(iter(reports.values())).arms[BASELINE], target.metric)
    compared = {arm.name for arm in baselines()}
    others = [
        (half(arm, target.metric).mean, f"{name} ({embedder})")
        for embedder, report in reports.items()
        for name, arm in report.arms.items()
        if name not in compared and " without " not in name and " by rank" not in name
    ]
    best, which = max(others)
    found = [
        f"{data.name}: BM25 {bm25.mean:.4f} (target {target.bm25:g}: {_met(bm25.mean, target.bm25)})",
        f"{data.name}: best {best:.4f}, {which} (target {target.best:g}: {_met(best, target.best)})",
    ]
    below = [(value, name) for value, name in others if value < bm25.mean]
    return found + [f"{data.name}: {name} {value:.4f} is below BM25" for value, name in below]


def _shown(found: Interval) -> str:
    return f"{found.mean:.4f} [{found.low:.3f}, {found.high:.3f}]"


def _met(value: float, target: float) -> str:
    return "met" if value >= target else f"missed by {target - value:.4f}"


def written(reports: Mapping[str, Mapping[str, Report]]) -> dict[str, Any]:
    """Everything, as plain values."""
    return {
        name: {
            embedder: {
                **report.json(),
                "odd_half": {
                    arm: {metric: half(found, metric)._asdict() for metric in found.scores}
                    for arm, found in report.arms.items()
                },
            }
            for embedder, report in by_embedder.items()
        }
        for name, by_embedder in reports.items()
    }


async def run(
    sets: Sequence[Path],
    embedders: Sequence[Embedding],
    home: Path,
    names: Sequence[str],
    *,
    parts: bool = False,
) -> dict[str, Any]:
    """Measure and print set by set."""
    console = Console(width=None if os.isatty(1) else 160)
    reports: dict[str, dict[str, Report]] = {}
    lines: list[str] = []
    for folder in sets:
        data = beir(folder)
        for remark in data.remarks:
            console.print(f"{data.name}: {remark}", markup=False)
        reports[data.name] = {
            each: await measured(data, each, home, names, parts=parts) for each in embedders
        }
        console.print(table(data, reports[data.name]))
        lines += verdicts(data, reports[data.name])
        for embedder, report in reports[data.name].items():
            console.print(
                f"{len(report.arms)} arms ({embedder}) took {report.seconds:.2f} s, "
                f"{report.seconds / report.node_seconds:.2f} times as long as their distinct nodes."
            )
    for line in lines:
        console.print(line, markup=False)
    versions = {
        key: value
        for by_embedder in reports.values()
        for report in by_embedder.values()
        for key, value in report.versions.items()
        if "VectorStore" not in key
    }
    console.print(", ".join(f"{key} {value}" for key, value in sorted(versions.items())), markup=False)
    return written(reports)


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = harness.Arguments(__doc__, data=True, home="retrieval")
    parser.add_argument("--sets", nargs="+", help="folders of --data; by default all that are judged")
    parser.add_argument("--workflows", nargs="+", default=["search", "hybrid"])
    parser.add_argument("--embedders", nargs="+", default=["light", "minilm"], choices=["light", "minilm"])
    parser.add_argument("--ablations", action="store_true", help="hybrid without each of its parts as well")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = arguments.data
    names = arguments.sets or sorted(file.parent.name for file in data.glob("*/corpus.jsonl"))
    found = asyncio.run(
        run(
            [data / name for name in names],
            arguments.embedders,
            arguments.home,
            arguments.workflows,
            parts=arguments.ablations,
        )
    )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
