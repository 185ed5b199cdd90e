"""The stop candidate of a reranker beside a relevance map and a threshold: what is kept and refused.

    python -m benchmarks.stop_candidate [--data DIR] [--set scifact] [--queries 70] [--home DIR]

All are given the 20 hits of the plain hybrid search. The map is fitted on the even half of the queries and
read on the odd ones (see benchmarks/relevance.py); the reranker asks the judge of benchmarks/reranking.py,
which holds the stop candidate for half as good as a relevant passage, and errs about it as about any other.
"Score from .5" keeps what is judged that good. *Removed* are the same queries with everything relevant taken
out: nothing may be kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.relevance import SEARCH
from benchmarks.reranking import EMBEDDER, NOISE
from benchmarks.retrieval import odd
from orchestrator import ANONYMOUS, Hits, Question, workflow
from orchestrator.application.application import Application
from orchestrator.bootstrap import interval
from orchestrator.evaluation import beir
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.relevance_fitting import Sighting, filtering, fit_sightings, sightings
from orchestrator.nodes import Rerank
from orchestrator.nodes.rerank.node import cut
from orchestrator.ports import Documents, Embedder, LanguageModel, SparseEncoder
from orchestrator.settings import Settings
from orchestrator.testing.judge import Judge, Noise
from orchestrator.types import Hit, Passage

#: What is asked of a reranker: its settings, and the score from which on a hit is kept.
ARMS: dict[str, tuple[dict[str, Any], float]] = {
    "groupwise, stop": ({"strategy": "groupwise", "stop": True}, -np.inf),
    "setwise, stop": ({"strategy": "setwise", "stop": True}, -np.inf),
    "one prompt, stop": ({"strategy": "full", "stop": True}, -np.inf),
    "groupwise, score from .5": ({"strategy": "groupwise"}, 0.5),
    "graded, score from .5": ({"strategy": "graded"}, 0.5),
}


class Texts:
    """The passages of the study, cut short."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts

    async def passages(self, ids: Sequence[str], *, principal: Any) -> dict[str, Passage]:
        return {name: Passage(name, name, self.texts[name]) for name in ids}


async def kept(
    arm: str, one: Sighting, texts: Mapping[str, str], noise: Noise, seed: int
) -> tuple[list[str], int]:
    """What a reranker keeps of a query's hits, and how many calls that takes."""
    settings, least = ARMS[arm]
    grades = {texts[name]: float(name in one.relevant) for name in one.found}
    judge = Judge({one.query: grades}, noise, seed=seed)
    rerank = workflow("rerank", Rerank(keep=20, tokens=100, **settings), inputs=(Question, Hits))
    found = Hits(tuple(Hit(name, 1.0 - rank / len(one.found)) for rank, name in enumerate(one.found)))
    ports: dict[Any, Any] = {Documents: Texts(texts), Embedder: EMBEDDER, LanguageModel: judge}
    result = await rerank.run(Question(one.query, ANONYMOUS), found, ports=ports)
    return [hit.id for hit in result.output if hit.score >= least], judge.calls


def row(
    title: str, kept: Sequence[Sequence[str]], twins: Sequence[bool], seen: Sequence[Sighting], calls: float
) -> list[str]:
    """One line of the table."""
    found = filtering(kept, seen, twins)
    each = [filtering([mine], [one], []).f1 for mine, one in zip(kept, seen, strict=True) if one.wanted]
    f1 = interval(each)
    figures = (found.precision, found.recall, found.lost, found.refused)
    precision, recall, lost, refused = (f"{figure:.3f}" for figure in figures)
    span = f"{f1.mean:.3f} ({f1.low:.3f}–{f1.high:.3f})"
    return [title, f"{calls:.0f}", precision, recall, span, lost, refused]


async def study(folder: Path, home: Path, queries: int) -> None:
    """Measure and print."""
    data = beir(folder)
    settings = Settings(home=home, embedder="light")
    async with Application(settings) as application, indexed(data, application) as ports:
        seen = await sightings(SEARCH, data, ports)
        names = sorted({name for one in seen for name in one.found})
        passages = await ports[Documents].passages(names, principal=ANONYMOUS)
        models = ports[Embedder].name, ports[SparseEncoder].name
    texts = {name: cut(passages[name].text, 100) for name in names}
    held_out = [one for one in seen if odd(one.query) and one.found][:queries]
    fitted = fit_sightings([one for one in seen if not odd(one.query)], *models, pool=100)

    def by_map(one: Sighting) -> list[str]:
        likely = fitted.probabilities(one.features(fitted.spread))
        return [name for name, p in zip(one.found, likely, strict=True) if p >= fitted.threshold]

    headings = ["filter", "calls", "precision", "recall", "F1", "lost", "refuses removed"]
    rows = [
        row("none", [one.found for one in held_out], [False] * len(held_out), held_out, 0),
        row(
            "relevance map",
            [by_map(one) for one in held_out],
            [not by_map(one.unanswerable()) for one in held_out],
            held_out,
            0,
        ),
    ]
    for level, noise in NOISE.items():
        for arm in ARMS:
            mine = [await kept(arm, one, texts, noise, seed) for seed, one in enumerate(held_out)]
            twins = [
                await kept(arm, one.unanswerable(), texts, noise, seed + 1000)
                for seed, one in enumerate(held_out)
            ]
            calls = float(np.mean([count for _, count in mine]))
            refused = [not names for names, _ in twins]
            rows.append(row(f"{arm}, {level} noise", [names for names, _ in mine], refused, held_out, calls))
    print(f"{data.name}, {len(held_out)} odd queries\n")
    print(harness.table(headings, rows))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="stop_candidate")
    parser.add_argument("--set", default="scifact")
    parser.add_argument("--queries", type=int, default=70)
    given = parser.parse_args()
    print(harness.machine("numpy"))
    asyncio.run(study(given.data / given.set, given.home, given.queries))


if __name__ == "__main__":
    main()
