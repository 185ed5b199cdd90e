"""Do passages' own keyphrases help, written into the index or, by PromptPRF, into the query?

    python -m benchmarks.passage_notes [--data DIR] [--sets scifact …] [--json FILE]

No language model is asked: keyphrases and names are those that rules find. *Expansion*: each passage is
indexed with so many of its keyphrases once more (`bm25.keyphrases`). *PromptPRF*: the notes of the first
passages go into the query, which is said `repeat` times; RM3 and Rocchio's terms, at their defaults,
do the same with all words. Settings are chosen on the even halves (see benchmarks/retrieval.py), by the
mean over the sets; only what was chosen, and what it is compared with, is read on the odd halves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import harness
from benchmarks.retrieval import TARGETS, half, half_p, odd
from orchestrator import Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import Dataset, beir, experiment
from orchestrator.evaluation.experiment_report import Report
from orchestrator.evaluation.indexed import indexed
from orchestrator.indexing.passage_features import make_features
from orchestrator.nodes import PromptPrf, Retrieve, Rm3, RocchioTerms
from orchestrator.ports import Features, LanguageModel, SparseEncoder
from orchestrator.settings import Settings

NUMBERS = (0, 3, 10, 20)
PLAIN = "bm25"
_BM25 = Retrieve(k=100, mode="bm25")
#: Kinds of notes, passages whose notes are read, how often the query is said.
NOTES = tuple(
    (kinds, docs, repeat)
    for kinds in (("keyphrases",), ("entities",))
    for docs in (3, 10)
    for repeat in (5, 10)
)


def expanded(number: int) -> list[Workflow]:
    """Searches of an index whose passages are expanded by so many keyphrases."""
    end = f", {number} keyphrases" if number else ""
    return [workflow(f"{PLAIN}{end}", _BM25), workflow(f"search{end}", Retrieve(k=100))]


def noted() -> list[Workflow]:
    """Queries with notes of what they found, beside feedback with all words."""
    arms = [
        workflow("rm3", _BM25 >> Rm3() >> _BM25),
        workflow("rocchio", _BM25 >> RocchioTerms() >> _BM25),
    ]
    for kinds, docs, repeat in NOTES:
        prf = PromptPrf(kinds=kinds, docs=docs, repeat=repeat, share=0.0)  # type: ignore[arg-type]
        arms.append(workflow(f"{' and '.join(kinds)} of {docs}, × {repeat}", _BM25 >> prf >> _BM25))
    return arms


async def measured(data: Dataset, home: Path, keep: Any, arms: Iterable[str]) -> Mapping[str, Report]:
    """A report for each number of keyphrases, on the queries that `keep` accepts, of `arms` or all."""
    wanted = set(arms)
    metric = TARGETS[data.name].metric
    reports: dict[str, Report] = {}
    for number in NUMBERS:
        runs = [*expanded(number), *(noted() if not number else [])]
        runs = [arm for arm in runs if not wanted or arm.name in wanted]
        if not runs:
            continue
        settings = Settings(
            home=home / str(number), embedder="light", connectors={"bm25": {"keyphrases": number}}
        )
        async with Application(settings) as application, indexed(data, application) as ports:
            given: Any = ports
            for kind in () if number else ("keyphrases", "entities"):
                await make_features(
                    given[Features], kind, encoder=given[SparseEncoder], model=given[LanguageModel]
                )
            reports[str(number)] = await experiment(runs, data=data.only(keep), metrics=[metric], ports=ports)
    return reports


def means(reports: Mapping[str, Report], metric: str) -> dict[str, float]:
    """The mean of every arm."""
    return {
        name: arm.metrics[metric].mean for report in reports.values() for name, arm in report.arms.items()
    }


def chosen(even: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The best expansion, the best setting of PromptPRF, and what they are compared with."""
    arms = next(iter(even.values()))
    overall = {arm: fmean(values[arm] for values in even.values()) for arm in arms}
    for arm, mean in sorted(overall.items(), key=lambda one: -one[1]):
        each = ", ".join(f"{name} {values[arm]:.4f}" for name, values in even.items())
        print(f"even halves: {arm:<40} {mean:.4f}  {each}")
    best = {
        group: max((arm for arm in overall if within(arm, group)), key=overall.__getitem__)
        for group in (f"{PLAIN}, ", "search, ", " of ")
    }
    return [PLAIN, "search", "rm3", "rocchio", *best.values()]


def within(arm: str, group: str) -> bool:
    return group in arm if group == " of " else arm.startswith(group)


async def run(folder: Path, names: Sequence[str], home: Path) -> dict[str, Any]:
    """Choose on the even halves, print the odd ones."""
    sets = {name: beir(folder / name) for name in names}
    even: dict[str, dict[str, float]] = {}
    for name, data in sets.items():
        even[name] = means(await measured(data, home, lambda query: not odd(query), ()), TARGETS[name].metric)
        print(f"{name} is measured", flush=True)
    taken = chosen(even)
    print("\nodd halves:", "; ".join(taken))
    found: dict[str, Any] = {"even": even, "odd": {}}
    for name, data in sets.items():
        metric = TARGETS[name].metric
        reports = await measured(data, home, odd, taken)
        arms = {arm: each for report in reports.values() for arm, each in report.arms.items()}
        found["odd"][name] = {arm: half(each, metric)._asdict() for arm, each in arms.items()}
        for arm in taken:
            mean, low, high = half(arms[arm], metric)
            p = half_p(arms[arm], arms["search" if arm.startswith("search") else PLAIN], metric)
            print(f"{name}, {metric}: {arm:<40} {mean:.4f} [{low:.3f}, {high:.3f}]  p {p:.3f}", flush=True)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="passage_notes")
    parser.add_argument("--sets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments.data, arguments.sets, arguments.home))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
