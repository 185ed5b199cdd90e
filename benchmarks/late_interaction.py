"""Late interaction beside single vectors and BM25, on judged sets.

    python -m benchmarks.late_interaction [--data DIR] [--sets limit-small …] [--embedder light]

Every arm runs on every query. Figures are of the odd half of the queries (see benchmarks/retrieval.py),
though nothing was fitted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.retrieval import METRICS, TARGETS, half, half_p, odd
from orchestrator import fuse, workflow
from orchestrator.app import Application
from orchestrator.evaluation import beir, experiment
from orchestrator.nodes import MaxSim, Retrieve, contrast
from orchestrator.settings import Settings

_BM25, _DENSE = Retrieve(k=100, mode="bm25"), Retrieve(k=100, mode="dense")
ARMS = (
    workflow("bm25", _BM25),
    workflow("dense", _DENSE),
    workflow("search", Retrieve(k=100)),
    workflow("dense, MaxSim", _DENSE >> MaxSim(k=50)),
    workflow("bm25, MaxSim", _BM25 >> MaxSim(k=50)),
    workflow("search, MaxSim", Retrieve(k=100) >> MaxSim(k=50)),
    workflow("bm25 and MaxSim, fused", fuse(_BM25 | (Retrieve(k=100) >> MaxSim(k=50)), by=contrast(pool=50))),
)


async def run(folder: Path, names: Sequence[str], embedder: str, home: Path, limit: int) -> None:
    """Measure and print set by set."""
    for name in names:
        data = beir(folder / name)
        kept = set([query for query in data.queries if odd(query)][:limit])
        target = TARGETS.get(name)
        metric = target.metric if target else METRICS[0]
        settings = Settings(home=home / embedder, embedder=embedder)  # type: ignore[arg-type]
        async with Application(settings) as application:
            report = await experiment(
                ARMS, data=data.only(kept.__contains__), metrics=[metric], application=application
            )
        print(f"\n{name}, {embedder}, {metric}, {len(kept)} queries of the odd half")
        for arm in report.arms.values():
            found, latency = half(arm, metric), arm.latency or (0.0, 0.0)
            p = half_p(arm, report.arms["bm25"], metric)
            print(
                f"{arm.name:<26} {found.mean:.4f} [{found.low:.3f}, {found.high:.3f}]  p to bm25 {p:.3f}  "
                f"p50 {latency[0]:.1f} ms"
            )


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("ORCHESTRATOR_DATA"))
    parser.add_argument("--sets", nargs="+", default=["limit-small", "scifact", "cranfield", "theoremqa"])
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    parser.add_argument("--queries", type=int, default=10_000, help="at most so many of a set")
    parser.add_argument("--home", type=Path, default=Path(__file__).parent / ".cache" / "retrieval")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data DIR, or set ORCHESTRATOR_DATA")
    asyncio.run(
        run(Path(arguments.data), arguments.sets, arguments.embedder, arguments.home, arguments.queries)
    )


if __name__ == "__main__":
    main()
