"""Stored reformulations of six methods, replayed through the nodes, and fused with dense rankings.

    python -m benchmarks.reformulations [--data DIR] [--json FILE]

The reformulations of SciFact's queries are QueryGym's, written by real models; `index.jsonl` has the
nDCG@10 that was recorded for each with BM25 (k1 .9, b .4). *Replayed* is the same figure through
`StoredReformulations >> Retrieve(mode="bm25")`; its tokenizer and average document length
are not known; here, a passage of `--average-length` terms is of middle length. *Fused* arms
use MiniLM and this library's own BM25 (k1 1.2, b .75): the stored text is searched by terms, its mean
vector with the question's by meaning. Which arm is best is decided on the even half of the queries, so
that the odd half is the figure to read.
"""

from __future__ import annotations

import asyncio
import json
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.retrieval import HYBRID_FEEDBACK, half, odd
from orchestrator import Workflow, fuse, workflow
from orchestrator.application.application import Application
from orchestrator.bootstrap import Interval, interval
from orchestrator.evaluation import Dataset, Report, beir, experiment
from orchestrator.nodes import Interpolate, Retrieve, StoredReformulations, contrast, dbsf, rrf
from orchestrator.settings import Settings

METRIC = "ndcg@10"
TARGET = 0.76
NEAR = 0.01


def replays(files: list[Path], queries: Path) -> list[Workflow]:
    """BM25 alone, and with each file."""
    plain = workflow("bm25", Retrieve(k=100, mode="bm25"))
    return [
        plain,
        *(workflow(f.stem, StoredReformulations(f, queries) >> Retrieve(k=100, mode="bm25")) for f in files),
    ]


def steps(file: Path | None, queries: Path, *, vector: bool = True) -> Any:
    """The hybrid workflow's rankings, for one file's reformulations or for the questions themselves."""
    sparse = Retrieve(k=100, mode="bm25").writing("sparse")
    dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")
    rest = sparse >> dense >> Interpolate() >> HYBRID_FEEDBACK >> dense >> Interpolate()
    return rest if file is None else StoredReformulations(file, queries, vector=vector) >> rest


def fusions(files: list[Path], queries: Path) -> list[Workflow]:
    """Arms with a dense ranking: the question's alone, each file's, and all files' together."""
    arms = [workflow("no reformulation", steps(None, queries))]
    arms += [workflow(f"{f.stem}, terms", steps(f, queries, vector=False)) for f in files]
    # Lists of keywords have no vector worth the name.
    texts = [f for f in files if f.stem.startswith(("mugi", "query2doc"))]
    arms += [workflow(f"{f.stem}, terms and vector", steps(f, queries)) for f in texts]
    # A workflow is a node, and what its steps write in between is its own.
    first, *others = (workflow(f.stem, steps(f, queries, vector=f in texts)) for f in files)
    every = reduce(lambda joined, branch: joined | branch, others, first)
    arms.append(workflow("all six, by rank", fuse(every, by=rrf())))
    # Or all rankings by terms become one, all by meaning become one, and these two are fused.
    bm25 = Retrieve(k=100, mode="bm25")
    near = Retrieve(k=100, mode="dense", fusion="max")
    by_terms = reduce(
        lambda joined, f: joined | workflow(f.stem, StoredReformulations(f, queries) >> bm25),
        files,
        workflow("question", bm25),
    )
    by_meaning = reduce(
        lambda joined, f: (
            joined | workflow(f"{f.stem} vector", StoredReformulations(f, queries, vector=True) >> near)
        ),
        texts,
        workflow("question vector", near),
    )
    legs = fuse(by_terms, by=dbsf()) | fuse(by_meaning, by=dbsf())
    arms += [
        workflow("all legs, by distribution", fuse(legs, by=dbsf())),
        workflow("all legs, by rank", fuse(legs, by=rrf())),
        workflow("all legs, by contrast", fuse(legs, by=contrast(weights=(0.5, 0.5)))),
    ]
    return arms


def even(report: Report, arm: str) -> Interval:
    """The mean over the queries that choices are made on."""
    return interval([v for query, v in report.arms[arm].scores[METRIC].items() if not odd(query)])


async def run(folder: Path, home: Path, length: float, fuse_too: bool) -> dict[str, Any]:
    """Measure and print."""
    data: Dataset = beir(folder)
    stored = folder / "reformulations"
    recorded = {
        entry["file"]: float(entry["recorded_ndcg@10_bm25"])
        for entry in map(json.loads, (stored / "index.jsonl").read_text().splitlines())
    }
    files = [stored / name for name in sorted(recorded)]
    queries = folder / "queries.jsonl"
    bm25 = {"k": 0.9, "b": 0.4, "average_length": length}
    settings = Settings(home=home / "replay", embedder="light", connectors={"bm25": bm25})
    async with Application(settings) as application:
        replayed = await experiment(
            replays(files, queries), data=data, metrics=[METRIC], application=application
        )
    plain = replayed.arms["bm25"].metrics[METRIC]
    print(f"bm25 (k1 .9, b .4, average length {length:g}): {shown(plain)}", flush=True)
    for file in files:
        found = replayed.arms[file.stem].metrics[METRIC]
        away = found.mean - recorded[file.name]
        verdict = "met" if abs(away) <= NEAR else "missed"
        print(f"{file.stem}: {shown(found)}, recorded {recorded[file.name]:.4f}, away {away:+.4f}: {verdict}")
    if not fuse_too:
        return {"replayed": replayed.json(), "recorded": recorded}
    async with Application(Settings(home=home / "minilm", embedder="minilm")) as application:
        fused = await experiment(
            fusions(files, queries), data=data, metrics=[METRIC], application=application
        )
    for name, arm in fused.arms.items():
        print(
            f"{name}: even {even(fused, name).mean:.4f}, odd {shown(half(arm, METRIC))}, "
            f"all {shown(arm.metrics[METRIC])}",
            flush=True,
        )
    best = max(fused.arms, key=lambda name: even(fused, name).mean)
    for which, value in (
        ("odd half", half(fused.arms[best], METRIC).mean),
        ("all", fused.arms[best].metrics[METRIC].mean),
    ):
        told = "met" if value >= TARGET else f"missed by {TARGET - value:.4f}"
        print(f"best on the even half: {best}; {which} {value:.4f} (target {TARGET:g}: {told})")
    return {"replayed": replayed.json(), "recorded": recorded, "fused": fused.json(), "best": best}


def shown(found: Interval) -> str:
    return f"{found.mean:.4f} [{found.low:.3f}, {found.high:.3f}]"


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="retrieval")
    parser.add_argument(
        "--average-length", type=float, default=100.0, help="terms of a passage of middle length"
    )
    parser.add_argument("--replays-only", action="store_true", help="leave the fused arms out")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(
        run(
            arguments.data / "scifact",
            arguments.home,
            arguments.average_length,
            not arguments.replays_only,
        )
    )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
