"""Reranking strategies under a judge of stated noise: quality against calls, tokens and rounds.

    python -m benchmarks.reranking [--data DIR] [--queries 40] [--judges 5] [--arms NAME …] [--json FILE]

The judge (`orchestrator.testing.judge`) knows the relevance judgements of SciFact and NovelEval and errs
as NOISE says. SciFact gives the first 100 passages of BM25 for every query that has a relevant one
among them; NovelEval gives its 20 candidates. nDCG@10 is over these candidates, with a 95 % bootstrap
interval. "Judged" counts passages shown, "rounds" calls that had to wait for an earlier one, which is
what a user waits for.

Three tables a set: every strategy; what calibration across groups gains over the plain average, where calls
differ (NOISE) and where they do not (the same noise without shift and scale), each question put to
several judges; and every strategy with as many calls as fit into a number of tokens, after which it
must return its best so far. Methods were developed on other queries of SciFact than the first 70 of
the order that is drawn here.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from connectors.bm25 import Bm25Encoder
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Budget, Hits, Question, workflow
from orchestrator.evaluation.significance import paired_p
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
#: The same judges, but what they err by is each judgement's own.
OWN = {level: replace(noise, shift=0.0, scale=0.0) for level, noise in NOISE.items()}
ARMS: dict[str, dict[str, Any]] = {
    "groupwise, calibrated": {"strategy": "groupwise"},
    "groupwise, plain": {"strategy": "groupwise", "calibrate": False},
    "groupwise, calibrated, 1 repeat": {"strategy": "groupwise", "repeats": 1},
    "groupwise, plain, 1 repeat": {"strategy": "groupwise", "repeats": 1, "calibrate": False},
    "groupwise, calibrated, 1 repeat, 2 anchors": {"strategy": "groupwise", "repeats": 1, "anchors": 2},
    "groupwise, calibrated, 4 repeats": {"strategy": "groupwise", "repeats": 4},
    "groupwise, plain, 4 repeats": {"strategy": "groupwise", "repeats": 4, "calibrate": False},
    "yes/no": {"strategy": "yes_no"},
    "graded 0–10": {"strategy": "graded"},
    "listwise, sliding 20/10": {"strategy": "listwise"},
    "listwise, one prompt": {"strategy": "full"},
    "first token, sliding 20/10": {"strategy": "first"},
    "setwise heapsort": {"strategy": "setwise"},
    "pairwise heapsort": {"strategy": "pairwise"},
    "pairwise sliding": {"strategy": "pairwise_sliding"},
    "pairwise, all pairs": {"strategy": "pairwise_all"},
    "elimination": {"strategy": "elimination"},
    "cross-encoder": {"strategy": "cross_encoder"},
    "cascade": {"strategy": "cascade"},
    "embeddings, no model": {"strategy": "embedding"},
    "embeddings, list as query": {"strategy": "e2rank"},
}
#: Tokens that are spent on a question in the third table.
SPEND = (7_000, 14_000, 28_000, 56_000)
TOKENS = 100
COSTS = ("calls", "rounds", "judged", "tokens")
EMBEDDER = WordLlamaEmbedder()


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


@dataclass(frozen=True)
class Row:
    """nDCG@10 of each question, and what one costs in the mean."""

    scores: tuple[float, ...]
    cost: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Over the questions."""
        return float(np.mean(self.scores))

    def __str__(self) -> str:
        return "{:.3f} ({:.3f}–{:.3f})".format(*interval(self.scores))

    def json(self) -> dict[str, Any]:
        """As plain values."""
        mean, low, high = interval(self.scores)
        return {"ndcg@10": {"mean": mean, "low": low, "high": high}, **self.cost}


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    found = np.array(values)
    means = found[rng.integers(0, len(found), (2000, len(found)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)


async def arm(
    settings: Mapping[str, Any],
    given: Sequence[Task],
    noise: Noise,
    *,
    judges: int = 1,
    calls: int | None = None,
) -> Row:
    """One strategy over all tasks, each put to some judges, with at most so many calls a task."""
    wf = workflow("rerank", Rerank(keep=10, tokens=TOKENS, **settings), inputs=(Question, Hits))
    scores: list[float] = []
    spent = dict.fromkeys(COSTS, 0.0)
    for number, task in enumerate(given):
        found: list[float] = []
        for seed in range(judges):
            judge = Judge({task.question: task.grades}, noise, seed=number + 1000 * seed)
            hits = Hits(tuple(Hit(name, score) for name, _, score in task.candidates))
            ports: dict[Any, Any] = {Documents: Texts(task), Embedder: EMBEDDER, LanguageModel: judge}
            asked = Question(task.question, ANONYMOUS)
            result = await wf.run(asked, hits, ports=ports, budget=Budget(calls=calls))
            found.append(ndcg(result.output.ids, task))
            used = (judge.calls, judge.rounds, judge.shown, judge.tokens)
            spent = {name: spent[name] + one for name, one in zip(COSTS, used, strict=True)}
        scores.append(float(np.mean(found)))
    return Row(tuple(scores), {name: total / (len(given) * judges) for name, total in spent.items()})


async def strategies(
    given: Sequence[Task], arms: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Row]]:
    """Every strategy at every noise, printed as it is measured."""
    print(harness.table(["strategy", *COSTS, *NOISE], ()))
    found: dict[str, dict[str, Row]] = {}
    for title, settings in arms.items():
        rows = found[title] = {level: await arm(settings, given, noise) for level, noise in NOISE.items()}
        counts = " | ".join(f"{rows['low'].cost[name]:,.0f}" for name in COSTS)
        print(f"| {title} | {counts} | " + " | ".join(map(str, rows.values())) + " |", flush=True)
    return found


async def calibration(given: Sequence[Task], judges: int) -> dict[str, dict[str, Any]]:
    """The gain of calibrated over plain groups, paired by question."""
    levels = {**NOISE, **{f"{level}, each its own": noise for level, noise in OWN.items()}}
    print("\n" + harness.table(["noise", "repeats", "plain", "calibrated", "gain", "p"], ()))
    found: dict[str, dict[str, Any]] = {}
    for level, noise in levels.items():
        for repeats in (1, 2, 4):
            plain, fitted = [
                await arm(
                    {"strategy": "groupwise", "repeats": repeats, "calibrate": calibrate},
                    given,
                    noise,
                    judges=judges,
                )
                for calibrate in (False, True)
            ]
            gains = [two - one for one, two in zip(plain.scores, fitted.scores, strict=True)]
            mean, low, high = interval(gains)
            p = paired_p(fitted.scores, plain.scores)
            print(
                f"| {level} | {repeats} | {plain.mean:.4f} | {fitted.mean:.4f} "
                f"| {mean:+.4f} ({low:+.4f} to {high:+.4f}) | {p:.3f} |",
                flush=True,
            )
            found[f"{level}/{repeats}"] = {"plain": plain.mean, "calibrated": fitted.mean, "p": p}
    return found


async def at_equal_tokens(
    given: Sequence[Task], arms: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Mapping[str, Row]]
) -> dict[str, dict[str, Any]]:
    """Every strategy that asks a model, stopped when it has spent as many tokens as the others."""
    print("\n" + harness.table(["strategy", *(f"{tokens:,}" for tokens in SPEND)], ()))
    found: dict[str, dict[str, Any]] = {}
    for title, settings in arms.items():
        cost = rows[title]["low"].cost
        if cost["calls"] <= 1:
            continue
        each = cost["tokens"] / cost["calls"]
        cells: list[str] = []
        for tokens in SPEND:
            calls = int(tokens / each)
            row = await arm(settings, given, NOISE["middle"], calls=calls)
            done = "" if calls < cost["calls"] else " (all)"
            cells.append(f"{row.mean:.3f}{done}")
            found.setdefault(title, {})[str(tokens)] = row.mean
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    return found


async def study(data: Path, queries: int, judges: int, names: Sequence[str]) -> dict[str, Any]:
    """All tables of both sets."""
    arms = {title: settings for title, settings in ARMS.items() if not names or title in names}
    sets = {
        "SciFact, BM25 top 100": tasks(data / "scifact", 100, queries, judged_only=False),
        "NovelEval, 20 candidates": tasks(data / "noveleval", 20, queries, judged_only=True),
    }
    found: dict[str, Any] = {}
    for name, given in sets.items():
        first = interval([ndcg([candidate for candidate, _, _ in task.candidates], task) for task in given])
        print(f"\n## {name}, {len(given)} queries\n")
        print("as retrieved: {:.3f} ({:.3f}–{:.3f})\n".format(*first))
        rows = await strategies(given, arms)
        gains = await calibration(given, judges) if judges else {}
        equal = await at_equal_tokens(given, arms, rows)
        found[name] = {
            "strategies": {
                title: {level: row.json() for level, row in mine.items()} for title, mine in rows.items()
            },
            "calibration": gains,
            "at equal tokens, middle noise": equal,
        }
    return found


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--judges", type=int, default=5, help="for the second table; 0 leaves it out")
    parser.add_argument("--arms", nargs="+", default=[], help="only these strategies")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(study(arguments.data, arguments.queries, arguments.judges, arguments.arms))
    print("\n" + harness.machine("numpy"))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
