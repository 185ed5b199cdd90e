"""Facts of MuSiQue's questions: how many of the entities between the steps are among them, by ranker.

    python -m benchmarks.knowledge_lookup [--data DIR] [--embedder light] [--per-entity 5 20]

An entity between the steps is the title of a judged passage that the question does not name: its answer
leads through it. A ranker is right about it if a fact that it keeps begins or ends in it. `random` is the
control; `all` keeps every fact of the question's entities, so that nothing can be better. Rankers that
need a language model are left out; nothing is cut by tokens. In brackets is p against random, paired, by
randomisation.

With MedQuAD, beside: `Retrieve` with and without `EntityPassages`, on every second query, by which its
constants were chosen, and on the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import harness
from orchestrator import Question, Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.cli.judged_data import dataset_of
from orchestrator.evaluation import experiment
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.significance import paired_p
from orchestrator.knowledge.fact_ranking import RankerName, at_random, by_growing_mmr, by_similarity
from orchestrator.knowledge.names_of_documents import without_trailing
from orchestrator.nodes import EntityPassages, KnowledgeLookup, Retrieve
from orchestrator.ports import Embedder, Fact, Facts
from orchestrator.settings import Settings
from orchestrator.text.entity_names import folded, folded_words
from orchestrator.types import ANONYMOUS

RANKERS: tuple[RankerName, ...] = ("random", "similarity", "mmr")
#: More facts and tokens than any question has.
ALL = 1_000_000


def between(dataset: Dataset) -> dict[str, frozenset[str]]:
    """The entities between the steps of each question, folded."""
    titles = {record.id: folded(without_trailing(record.title)) for record in dataset.corpus.records()}
    found: dict[str, frozenset[str]] = {}
    for query, text in dataset.queries.items():
        asked = f" {folded_words(text)} "
        judged = {titles[one] for one, grade in dataset.qrels[query].items() if grade > 0}
        if unnamed := {title for title in judged if title and f" {title} " not in asked}:
            found[query] = frozenset(unnamed)
    return found


async def pools(dataset: Dataset, queries: Sequence[str], ports: Any) -> dict[str, list[list[Fact]]]:
    """The facts of each entity of each question, all of them."""
    every = workflow("lookup", KnowledgeLookup(ranker="random", per_entity=ALL, tokens=ALL))
    found: dict[str, list[list[Fact]]] = {}
    for query in queries:
        facts: Facts = (await every.run(Question(dataset.queries[query], ANONYMOUS), ports=ports)).output
        found[query] = [list(each.facts) for each in facts.entities]
    return found


async def kept(ranker: RankerName, question: str, pool: list[Fact], number: int, by: Embedder) -> list[Fact]:
    """What a ranker keeps of the facts of an entity."""
    if not pool or ranker == "random":
        return [pool[row] for row in at_random(pool, number, seed=question)]
    asked = (await by.embed([question], kind="query"))[0]
    facts = await by.embed([fact.text for fact in pool], kind="passage")
    order = by_similarity if ranker == "similarity" else by_growing_mmr
    return [pool[row] for row in order(asked, facts, number)]


def share(wanted: frozenset[str], facts: Iterable[Fact]) -> float:
    """How many of these entities are ends of facts."""
    held = {folded(end) for fact in facts for end in (fact.head_name, fact.tail_name)}
    return len(wanted & held) / len(wanted)


async def lookups(data: Path, embedder: str, home: Path, per_entity: Sequence[int]) -> list[list[object]]:
    """A row for each ranker and number of facts."""
    dataset = dataset_of(str(data / "musique"), None, None, None)
    wanted = between(dataset)
    async with AsyncExitStack() as opened:
        settings = Settings(home=home / embedder, embedder=embedder)
        application = await opened.enter_async_context(Application(settings))
        ports = await opened.enter_async_context(indexed(dataset, application))
        facts = await pools(dataset, list(wanted), ports)
        best = [share(wanted[query], chain.from_iterable(facts[query])) for query in wanted]
        rows: list[list[object]] = [[embedder, "all", "", f"{fmean(best):.3f}"]]
        for number in per_entity:
            control: list[float] = []
            for ranker in RANKERS:
                mine: list[float] = []
                for query, text in ((each, dataset.queries[each]) for each in wanted):
                    chosen = [
                        await kept(ranker, text, pool, number, ports[Embedder]) for pool in facts[query]
                    ]
                    mine.append(share(wanted[query], chain.from_iterable(chosen)))
                control = control or mine
                mark = "" if mine is control else f" ({paired_p(mine, control):.3f})"
                rows.append([embedder, ranker, number, f"{fmean(mine):.3f}{mark}"])
    return rows


async def concepts(data: Path, embedder: str, home: Path) -> list[list[object]]:
    """nDCG@10 on MedQuAD: the half that was looked at, the other half, and all."""
    dataset = dataset_of(str(data / "medquad"), None, None, None)
    plain = Retrieve(k=100)
    arms: list[Workflow] = [
        workflow("search", plain),
        workflow("with passages of the entity", plain >> EntityPassages()),
    ]
    async with AsyncExitStack() as opened:
        settings = Settings(home=home / embedder, embedder=embedder)
        application = await opened.enter_async_context(Application(settings))
        ports = await opened.enter_async_context(indexed(dataset, application))
        report = await experiment(arms, data=dataset, metrics=("ndcg@10",), ports=ports)
    rows: list[list[object]] = []
    for arm in report.arms.values():
        scores = [arm.scores["ndcg@10"][query] for query in sorted(arm.scores["ndcg@10"])]
        parts = (scores[::2], scores[1::2], scores)
        rows.append([embedder, arm.name, *(f"{fmean(part):.4f}" for part in parts)])
    return rows


def main() -> None:
    parser = harness.Arguments(__doc__, data=True, home="knowledge")
    parser.add_argument("--embedder", default="light")
    parser.add_argument("--per-entity", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--sets", nargs="+", default=["musique", "medquad"], choices=("musique", "medquad"))
    given = parser.parse_args()
    if "musique" in given.sets:
        rows = asyncio.run(lookups(given.data, given.embedder, given.home, given.per_entity))
        print(harness.table(("embedder", "ranker", "facts an entity", "share found (p)"), rows), flush=True)
    if "medquad" in given.sets:
        rows = asyncio.run(concepts(given.data, given.embedder, given.home))
        print(harness.table(("embedder", "arm", "chosen on", "others", "all"), rows))
    print(harness.machine("orchestrator-rag", "numpy"))


if __name__ == "__main__":
    main()
