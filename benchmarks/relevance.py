"""A relevance filter beside none and beside fixed thresholds: what it keeps, and what it refuses.

    python -m benchmarks.relevance [--data DIR] [--sets scifact cranfield …] [--embedder light]

Everything is fitted on the even halves of the queries (see benchmarks/retrieval.py) and read on the odd
ones. A filter is given the 20 hits of the plain hybrid search. Two kinds of questions have no answer:
the queries themselves with everything relevant taken out of what was found (*removed*), and the
queries of the other sets (*foreign*). All rivals choose their threshold by the same measure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import harness
from benchmarks.retrieval import odd
from orchestrator import workflow
from orchestrator.application.application import Application
from orchestrator.bootstrap import interval
from orchestrator.evaluation import Dataset, beir
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.monotone import logistic
from orchestrator.evaluation.relevance_fitting import (
    Filtering,
    Sighting,
    best_threshold,
    filtering,
    fit_sightings,
    sightings,
)
from orchestrator.nodes import Retrieve
from orchestrator.nodes.select.relevance_filter import leg_rankings, term_count
from orchestrator.ports import Embedder, SparseEncoder, VectorStore
from orchestrator.settings import Settings
from orchestrator.types import ANONYMOUS, Query, Question

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The hits of this are filtered.
SEARCH = workflow("search", Retrieve(k=20))
SETS = ("scifact", "cranfield", "musique", "theoremqa", "toolbench")
#: Questions of each other set that are asked to a collection.
FOREIGN = 100

Score = Callable[[Sighting], "NDArray[np.float64]"]


async def foreign(ports: Any, others: Sequence[Dataset]) -> list[Sighting]:
    """The odd queries of other sets, asked to this collection: nothing of it is relevant."""
    seen: list[Sighting] = []
    for data in others:
        asked = [text for query, text in sorted(data.queries.items()) if odd(query)][:FOREIGN]
        for text in asked:
            question = Question(text, ANONYMOUS)
            hits = (await SEARCH.run(question, ports=ports)).output
            cosine, bm25 = await leg_rankings(
                Query(text), question, ports[VectorStore], ports[Embedder], pool=100
            )
            terms = term_count(Query(text), ports[SparseEncoder])
            seen.append(Sighting(text, hits.ids, cosine, bm25, terms, frozenset(), 0))
    return seen


def rivals(even: Sequence[Sighting], models: tuple[str, str]) -> dict[str, tuple[Score, float]]:
    """Every filter fitted on the even half: a score for each passage, and its threshold."""
    fitted = fit_sightings(even, *models, pool=100)
    spread = fitted.spread

    def column(number: int) -> Score:
        return lambda one: one.features(spread)[:, number]

    def place(one: Sighting) -> NDArray[np.float64]:
        return -np.arange(len(one.found), dtype=np.float64)

    both = [each for one in even for each in (one, one.unanswerable()) if each.found]
    rows = np.concatenate([one.features(spread)[:, [0, 2]] for one in both])
    middle, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    labels = np.concatenate([one.labels() for one in both])
    _, weights = logistic((rows - middle) / deviation, labels, positive=2)

    def absolute(one: Sighting) -> NDArray[np.float64]:
        return ((one.features(spread)[:, [0, 2]] - middle) / deviation) @ weights

    chosen: dict[str, Score] = {
        "cosine": column(0),
        "bm25 a term": column(2),
        "both, without the query's background": absolute,
    }
    found = {
        "none": (place, -np.inf),
        "the best 1": (place, 0.0),
        "the best 5": (place, -4.0),
        **{
            name: (
                score,
                best_threshold(
                    even, [score(one) for one in even], [score(one.unanswerable()) for one in even]
                )[0],
            )
            for name, score in chosen.items()
        },
    }
    open_to_all = replace(fitted, least=-np.inf)
    found["map without the subject"] = (
        lambda one: open_to_all.probabilities(one.features(spread)),
        fitted.threshold,
    )
    found["relevance map"] = (lambda one: fitted.probabilities(one.features(spread)), fitted.threshold)
    return found


def measured(
    score: Score, threshold: float, seen: Sequence[Sighting], strangers: Sequence[Sighting]
) -> tuple[Filtering, list[bool]]:
    """How the filter did on answerable queries and their twins, and which strangers it refused."""
    kept = [[one.found[at] for at in np.flatnonzero(score(one) >= threshold)] for one in seen]
    twins = [not bool((score(one.unanswerable()) >= threshold).any()) for one in seen]
    return filtering(kept, seen, twins), [not bool((score(one) >= threshold).any()) for one in strangers]


async def run(folder: Path, names: Sequence[str], embedder: str, home: Path) -> None:
    """Measure and print set by set."""
    console = Console(width=None if os.isatty(1) else 150)
    sets = {name: beir(folder / name) for name in names}
    settings = Settings(home=home / embedder, embedder=embedder)  # type: ignore[arg-type]
    async with Application(settings) as application:
        models = (application.container.get(Embedder).name, application.container.get(SparseEncoder).name)
        for name, data in sets.items():
            async with indexed(data, application) as ports:
                seen = await sightings(SEARCH, data, ports)
                strangers = await foreign(ports, [each for other, each in sets.items() if other != name])
            even = [one for one in seen if not odd(one.query)]
            held_out = [one for one in seen if odd(one.query)]
            table = Table(
                title=f"{name}, {embedder}: {len(held_out)} odd queries, {len(strangers)} foreign questions"
            )
            for heading in (
                "filter",
                "precision",
                "recall",
                "F1 (95 %)",
                "lost",
                "refuses removed",
                "foreign",
            ):
                table.add_column(heading, justify="left" if heading == "filter" else "right", no_wrap=True)
            for rival, (score, threshold) in rivals(even, models).items():
                found, refused = measured(score, threshold, held_out, strangers)
                each = [measured(score, threshold, [one], [])[0].f1 for one in held_out if one.wanted]
                f1 = interval(each)
                table.add_row(
                    rival,
                    f"{found.precision:.3f}",
                    f"{found.recall:.3f}",
                    f"{f1.mean:.3f} [{f1.low:.3f}, {f1.high:.3f}]",
                    f"{found.lost:.3f}",
                    f"{found.refused:.3f}",
                    f"{np.mean(refused):.3f}",
                )
            console.print(table)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="retrieval")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.sets, arguments.embedder, arguments.home))


if __name__ == "__main__":
    main()
