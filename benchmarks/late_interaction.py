"""Late interaction beside single vectors and BM25, on judged sets, and its first stage beside the exact one.

    python -m benchmarks.late_interaction [--data DIR] [--sets limit-small …] [--embedder light] [--queries N]

The index keeps the vectors of tokens. Figures are of the odd half of the queries (see
benchmarks/retrieval.py), though nothing was fitted. The second table tells how many of the ten best by
MaxSim of all passages are among the ten of a search whose first stage is encoded (MUVERA).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks import harness
from benchmarks.retrieval import METRICS, TARGETS, half, half_p, odd
from orchestrator import fuse, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import beir, experiment
from orchestrator.nodes import MaxSim, Retrieve, RetrieveLate, contrast
from orchestrator.settings import Settings

_BM25, _DENSE = Retrieve(k=100, mode="bm25"), Retrieve(k=100, mode="dense")
EXACT = "MaxSim of all"
STAGES = (20, 50, 200, 1000)
ARMS = (
    workflow("bm25", _BM25),
    workflow("dense", _DENSE),
    workflow("search", Retrieve(k=100)),
    workflow("search, MaxSim of 50", Retrieve(k=100) >> MaxSim(k=50)),
    workflow(EXACT, RetrieveLate(k=100, first=None)),
    *(workflow(f"encoded {first}, MaxSim", RetrieveLate(k=10, first=first)) for first in STAGES),
    workflow("bm25 and MaxSim, fused", fuse(_BM25 | RetrieveLate(k=100, first=200), by=contrast())),
)


async def run(folder: Path, names: Sequence[str], embedder: str, home: Path, limit: int) -> None:
    """Measure and print set by set."""
    for name in names:
        data = beir(folder / name)
        kept = set([query for query in data.queries if odd(query)][:limit])
        target = TARGETS.get(name)
        metric = target.metric if target else METRICS[0]
        settings = Settings(home=home / embedder, embedder=embedder, late_interaction=True)  # type: ignore[arg-type]
        async with Application(settings) as application:
            report = await experiment(
                ARMS, data=data.only(kept.__contains__), metrics=[metric], application=application
            )
        print(f"\n{name}, {embedder}, {metric}, {len(kept)} odd queries, {len(data.corpus)} documents")
        best = report.arms[EXACT].rankings
        for arm in report.arms.values():
            found, latency = half(arm, metric), arm.latency or (0.0, 0.0)
            p = half_p(arm, report.arms["bm25"], metric)
            line = f"{arm.name:<24} {found.mean:.4f} [{found.low:.3f}, {found.high:.3f}]  p to bm25 {p:.3f}"
            line += f"  p50 {latency[0]:.1f} ms"
            if arm.name.startswith("encoded"):
                same = [
                    len(set(arm.rankings[query].ids[:10]) & set(best[query].ids[:10]))
                    / len(best[query].ids[:10])
                    for query in best
                    if best[query].ids
                ]
                line += f"  {sum(same) / len(same):.3f} of the ten best"
            print(line, flush=True)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="late_interaction")
    parser.add_argument("--sets", nargs="+", default=["limit-small", "scifact", "cranfield", "theoremqa"])
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    parser.add_argument("--queries", type=int, default=10_000, help="at most so many of a set")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.sets, arguments.embedder, arguments.home, arguments.queries))


if __name__ == "__main__":
    main()
