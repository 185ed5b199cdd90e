"""Reranking strategies under a judge of stated noise: quality against calls, tokens and rounds.

    python -m benchmarks.reranking [--data DIR] [--queries 40] [--json FILE]

The judge (`orchestrator.testing.judge`) knows the relevance judgements of SciFact and NovelEval and errs
as NOISE says. SciFact gives the first 100 passages of BM25 for every query that has a relevant one
among them; NovelEval gives its 20 candidates. nDCG@10 is over these candidates, with a 95 % bootstrap
interval. "Judged" counts passages shown, "rounds" calls that had to wait for an earlier one, which is
what a user waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from connectors.bm25 import Bm25Encoder
from orchestrator import ANONYMOUS, Hits, Question, workflow
from orchestrator.nodes import Rerank
from orchestrator.nodes.rerank.node import cut
from orchestrator.ports import Documents, Embedder, LanguageModel
from orchestrator.testing.judge import Judge, Noise
from orchestrator.types import Hit, Passage

#: Fixed before the study was first run.
NOISE = {
    "low": Noise(random=0.10, position=0.05, shift=0.05, scale=0.10, malformed=0.01),
    "middle": Noise(random=0.25, position=0.10, shift=0.15, scale=0.30, malformed=0.03),
    "high": Noise(random=0.40, position=0.20, shift=0.30, scale=0.50, malformed=0.10),
}
ARMS: dict[str, dict[str, Any]] = {
    "groupwise, calibrated": {"strategy": "groupwise"},
    "groupwise, plain": {"strategy": "groupwise", "calibrate": False},
    "groupwise, calibrated, 1 repeat": {"strategy": "groupwise", "repeats": 1},
    "groupwise, plain, 1 repeat": {"strategy": "groupwise", "repeats": 1, "calibrate": False},
    "groupwise, calibrated, 4 repeats": {"strategy": "groupwise", "repeats": 4},
    "yes/no": {"strategy": "yes_no"},
    "graded 0–10": {"strategy": "graded"},
    "listwise, sliding 20/10": {"strategy": "listwise"},
    "listwise, one prompt": {"strategy": "full"},
    "first token, sliding 20/10": {"strategy": "first"},
    "setwise heapsort": {"strategy": "setwise"},
    "pairwise heapsort": {"strategy": "pairwise"},
    "elimination": {"strategy": "elimination"},
}
TOKENS = 100


@dataclass
class Task:
    """A question with its candidates, best first, and the grade of each in [0, 1]."""

    question: str
    candidates: list[tuple[str, str, float]]
    grades: dict[str, float]


class Texts:
    """The documents of one task."""

    def __init__(self, task: Task) -> None:
        self.texts = {name: text for name, text, _ in task.candidates}

    async def passages(self, ids: Sequence[str], *, principal: Any) -> dict[str, Passage]:
        return {name: Passage(name, name, self.texts[name]) for name in ids}


class NoEmbedder:
    """No arm embeds."""

    name, dimensions = "none", 1

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        raise NotImplementedError


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a .jsonl file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def load(folder: Path) -> tuple[dict[str, str], dict[str, str], dict[str, dict[str, float]]]:
    """Texts, questions, and grades by question and document, of a BEIR folder."""
    texts = {
        row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in lines(folder / "corpus.jsonl")
    }
    questions = {row["_id"]: row["text"] for row in lines(folder / "queries.jsonl")}
    grades: dict[str, dict[str, float]] = defaultdict(dict)
    for row in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, grade = row.split("\t")
        grades[query][document] = float(grade)
    return texts, questions, grades


def bm25(
    texts: Mapping[str, str], questions: Mapping[str, str], depth: int
) -> dict[str, list[tuple[str, float]]]:
    """The `depth` best documents of each question."""
    encoder = Bm25Encoder()
    names = list(texts)
    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row, vector in enumerate(encoder.passages([texts[name] for name in names])):
        for index, value in zip(vector.indices, vector.values, strict=True):
            postings[index].append((row, value))
    found: dict[str, list[tuple[str, float]]] = {}
    for query, question in questions.items():
        scores = np.zeros(len(names))
        vector = encoder.query(question)
        for index, count in zip(vector.indices, vector.values, strict=True):
            held = postings.get(index, [])
            idf = np.log1p((len(names) - len(held) + 0.5) / (len(held) + 0.5))
            for row, value in held:
                scores[row] += count * idf * value
        best = sorted(range(len(names)), key=lambda row: (-scores[row], names[row]))[:depth]
        found[query] = [(names[row], float(scores[row])) for row in best]
    return found


def tasks(folder: Path, depth: int, limit: int, *, judged_only: bool) -> list[Task]:
    """Tasks of a data set, in an order that is drawn once."""
    texts, questions, grades = load(folder)
    chosen = sorted(query for query in questions if any(grade > 0 for grade in grades[query].values()))
    random.Random(0).shuffle(chosen)
    made: list[Task] = []
    for query in chosen:
        if len(made) == limit:
            break
        pool = {name: texts[name] for name in grades[query]} if judged_only else texts
        ranking = bm25(pool, {query: questions[query]}, depth)[query] if judged_only else None
        if ranking is None:
            continue
        made.append(task_of(questions[query], ranking, texts, grades[query]))
    if not judged_only:
        rankings = bm25(texts, {query: questions[query] for query in chosen[: limit * 2]}, depth)
        for query, ranking in rankings.items():
            if len(made) < limit and any(grades[query].get(name, 0) > 0 for name, _ in ranking):
                made.append(task_of(questions[query], ranking, texts, grades[query]))
    return made


def task_of(
    question: str, ranking: Sequence[tuple[str, float]], texts: Mapping[str, str], grades: Mapping[str, float]
) -> Task:
    """One task; texts are cut as the node will cut them, so that the judge knows them again."""
    most = max(grades.values())
    candidates = [(name, cut(texts[name], TOKENS), score) for name, score in ranking]
    return Task(question, candidates, {text: grades.get(name, 0.0) / most for name, text, _ in candidates})


def ndcg(ranked: Sequence[str], task: Task, k: int = 10) -> float:
    """nDCG@k with the grades as gains, over the candidates."""
    by_name = {name: task.grades[text] for name, text, _ in task.candidates}
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gains = np.array([by_name[name] for name in ranked[:k]])
    ideal = np.sort(np.array(list(by_name.values())))[::-1][:k]
    best = float((ideal * discounts[: len(ideal)]).sum())
    return float((gains * discounts[: len(gains)]).sum()) / best if best else 0.0


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    found = np.array(values)
    means = found[rng.integers(0, len(found), (2000, len(found)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)


async def arm(settings: Mapping[str, Any], given: Sequence[Task], noise: Noise) -> dict[str, Any]:
    """One strategy over all tasks."""
    wf = workflow("rerank", Rerank(keep=10, tokens=TOKENS, **settings), inputs=(Question, Hits))
    scores: list[float] = []
    calls = tokens = rounds = judged = 0
    for number, task in enumerate(given):
        judge = Judge({task.question: task.grades}, noise, seed=number)
        hits = Hits(tuple(Hit(name, score) for name, _, score in task.candidates))
        ports: dict[Any, Any] = {Documents: Texts(task), Embedder: NoEmbedder(), LanguageModel: judge}
        result = await wf.run(Question(task.question, ANONYMOUS), hits, ports=ports)
        scores.append(ndcg(result.output.ids, task))
        calls, tokens, rounds = calls + judge.calls, tokens + judge.tokens, rounds + judge.rounds
        judged += judge.shown
    mean, low, high = interval(scores)
    size = len(given)
    return {
        "ndcg@10": {"mean": mean, "low": low, "high": high},
        "calls": calls / size,
        "tokens": tokens / size,
        "rounds": rounds / size,
        "judged": judged / size,
    }


async def study(data: Path, queries: int) -> dict[str, Any]:
    """Every arm, noise and data set."""
    sets = {
        "SciFact, BM25 top 100": tasks(data / "scifact", 100, queries, judged_only=False),
        "NovelEval, 20 candidates": tasks(data / "noveleval", 20, queries, judged_only=True),
    }
    found: dict[str, Any] = {}
    for name, given in sets.items():
        first = interval([ndcg([candidate for candidate, _, _ in task.candidates], task) for task in given])
        print(f"\n## {name}, {len(given)} queries\n")
        print("as retrieved: {:.3f} ({:.3f}–{:.3f})\n".format(*first))
        print("| strategy | calls | rounds | judged | tokens | " + " | ".join(NOISE) + " |")
        print("|---" * (5 + len(NOISE)) + "|")
        for title, settings in ARMS.items():
            rows = {level: await arm(settings, given, noise) for level, noise in NOISE.items()}
            cost = rows["low"]
            cells = ["{mean:.3f} ({low:.3f}–{high:.3f})".format(**rows[level]["ndcg@10"]) for level in NOISE]
            counts = " | ".join(f"{cost[name]:,.0f}" for name in ("calls", "rounds", "judged", "tokens"))
            print(f"| {title} | {counts} | " + " | ".join(cells) + " |", flush=True)
            found.setdefault(name, {})[title] = rows
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("ORCHESTRATOR_DATA"))
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data, or set ORCHESTRATOR_DATA")
    found = asyncio.run(study(Path(arguments.data), arguments.queries))
    print(f"\nversions: python {sys.version.split()[0]}, numpy {np.__version__}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
