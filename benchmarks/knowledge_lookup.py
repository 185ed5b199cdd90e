"""Facts of MuSiQue's questions: how many of the entities between the steps are among them, by ranker.

    python -m benchmarks.knowledge_lookup [--data DIR] [--embedder light] [--per-entity 5 20]

An entity between the steps is the title of a judged passage that the question does not name: its answer
leads through it. A ranker is right about it if a fact that it keeps begins or ends in it. `random` is the
control; `all` keeps every fact of the question's entities, so that nothing can be better. Rankers that
need a language model are left out. In brackets is p against random, paired, by randomisation.

With MedQuAD, beside: `Retrieve` with and without `EntityPassages`, on every second query, by which its
constants were chosen, and on the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
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
from orchestrator.knowledge.document_names import without_trailing
from orchestrator.knowledge.fact_ranking import RankerName
from orchestrator.nodes import EntityPassages, KnowledgeLookup, Retrieve
from orchestrator.ports import Facts
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


async def shares(
    lookup: KnowledgeLookup, dataset: Dataset, wanted: dict[str, frozenset[str]], ports: Any
) -> list[float]:
    """For each question, the share of the entities between its steps that its facts hold."""
    one = workflow("lookup", lookup)
    found: list[float] = []
    for query, entities in wanted.items():
        facts: Facts = (await one.run(Question(dataset.queries[query], ANONYMOUS), ports=ports)).output
        held = {folded(end) for fact in facts for end in (fact.head_name, fact.tail_name)}
        found.append(len(entities & held) / len(entities))
    return found


async def lookups(data: Path, embedder: str, home: Path, per_entity: Sequence[int]) -> list[list[object]]:
    """A row for each ranker and number of facts."""
    dataset = dataset_of(str(data / "musique"), None, None, None)
    wanted = between(dataset)
    rows: list[list[object]] = []
    async with AsyncExitStack() as opened:
        settings = Settings(home=home / embedder, embedder=embedder)
        application = await opened.enter_async_context(Application(settings))
        ports = await opened.enter_async_context(indexed(dataset, application))
        every = KnowledgeLookup(ranker="random", per_entity=ALL, tokens=ALL)
        best = await shares(every, dataset, wanted, ports)
        rows.append([embedder, "all", "", f"{fmean(best):.3f}"])
        for number in per_entity:
            control: list[float] = []
            for ranker in RANKERS:
                lookup = KnowledgeLookup(ranker=ranker, per_entity=number)
                mine = await shares(lookup, dataset, wanted, ports)
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
