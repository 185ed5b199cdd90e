"""What answers stand on: how much of them compression keeps, and which questions are refused.

    python -m benchmarks.answers [--data DIR] [--budgets 100 200 400 800]

MuSiQue's 100 questions, the 20 best passages by BM25 each. Counted is whether a gold answer, as
words, stands in what a budget keeps of the passages that are judged relevant; in brackets, the 95 %
bootstrap interval. "Passages whole" takes them in order for as long as they fit, and cuts the last
one where the budget ends.

Refusals: of each collection's first 100 questions, how many a quoted answer is given to, from its own
documents and from those of other collections, which cannot answer them.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import harness
from connectors.bm25 import Bm25Encoder
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.bootstrap import intervals
from orchestrator.evaluation.beir_folder import beir
from orchestrator.evaluation.datasets import Dataset
from orchestrator.nodes.answer._evidence import Evidence, gather
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._sentence_scores import Balance, cosines, sentence_scores
from orchestrator.nodes.answer.cited_answer import CitedAnswer, aboutness
from orchestrator.nodes.answer.compress import excerpts
from orchestrator.text.tokens import token_count
from orchestrator.types import Passage, Query

DEPTH = 20
Kept = list[tuple[str, str]]


class Bm25:
    """The `DEPTH` best passages by exact BM25."""

    def __init__(self, passages: Sequence[Passage], encoder: Bm25Encoder) -> None:
        self._passages = passages
        self._encoder = encoder
        self._postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
        texts = [f"{passage.title} {passage.text}" for passage in passages]
        for number, vector in enumerate(encoder.passages(texts)):
            for term, value in zip(vector.indices, vector.values, strict=True):
                self._postings[term].append((number, value))

    def search(self, text: str) -> list[Passage]:
        """Passages, best first."""
        scores = np.zeros(len(self._passages))
        query = self._encoder.query(text)
        for term, count in zip(query.indices, query.values, strict=True):
            held = self._postings.get(term, [])
            rarity = math.log(1 + (len(self._passages) - len(held) + 0.5) / (len(held) + 0.5))
            for number, value in held:
                scores[number] += count * rarity * value
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        return [self._passages[number] for number in best if scores[number] > 0]


def whole(evidence: Evidence, tokens: int) -> Kept:
    """Passages from the first on, the last one cut at the budget."""
    kept: Kept = []
    left = tokens
    for passage in evidence.passages:
        words = passage.text.split(" ")
        cost = token_count(passage.text)
        if cost > left:
            low, high = 0, len(words)
            while low < high:
                middle = (low + high + 1) // 2
                fits = token_count(" ".join(words[:middle])) <= left
                low, high = (middle, high) if fits else (low, middle - 1)
            kept.append((passage.id, " ".join(words[:low])))
            break
        left -= cost
        kept.append((passage.id, passage.text))
    return kept


def compressed(
    evidence: Evidence, cosine: np.ndarray | None, tokens: int, balance: Balance, trade: float
) -> Kept:
    """Excerpts, as `Compress` chooses them."""
    scores = sentence_scores(evidence, cosine, balance)
    context = excerpts(evidence, scores, tokens=tokens, per_passage=400, trade=trade)
    by_id = {passage.id: passage.text for passage in evidence.passages}
    return [(one.passage, " ".join(by_id[one.passage][a:b] for a, b in one.spans)) for one in context]


def passages_of(dataset: Dataset) -> list[Passage]:
    """The documents of a collection, a passage each."""
    return [
        Passage(id=record.id, document=record.id, text=record.text, title=record.title)
        for record in dataset.corpus.records()
    ]


def words(text: str) -> str:
    """Lower-case words with a blank around each."""
    return " " + " ".join(re.findall(r"\w+", text.lower())) + " "


async def measured(data: Path, budgets: list[int]) -> None:
    """Print the table."""
    encoder, embedder = Bm25Encoder(), WordLlamaEmbedder()
    dataset = beir(data / "musique")
    search = Bm25(passages_of(dataset), encoder)
    answers: dict[str, list[str]] = {}
    for line in (data / "musique" / "answers.jsonl").read_text().splitlines():
        entry = json.loads(line)
        answers[entry["_id"]] = [words(answer) for answer in (entry["answer"], *entry["aliases"])]
    pools: dict[str, tuple[Evidence, np.ndarray | None]] = {}
    seconds = 0.0
    for name, text in dataset.queries.items():
        found = search.search(text)
        started = perf_counter()
        evidence = gather(found, question_terms(Query(text), encoder), encoder)
        pools[name] = (evidence, await cosines(evidence, text, embedder))
        seconds += perf_counter() - started

    ways: dict[str, Callable[[Evidence, np.ndarray | None, int], Kept]] = {
        "passages whole": lambda evidence, _, tokens: whole(evidence, tokens),
        "Compress": lambda evidence, cosine, tokens: compressed(evidence, cosine, tokens, Balance(), 0.9),
    }
    for label, balance, trade in (
        ("without the question", Balance(relevance=0), 0.9),
        ("without cosine", Balance(dense=0), 0.9),
        ("without LexRank", Balance(centrality=0), 0.9),
        ("without the passage's rank", Balance(rank=0), 0.9),
        ("without MMR", Balance(), 1.0),
    ):
        ways[f"· {label}"] = lambda e, c, t, b=balance, d=trade: compressed(e, c, t, b, d)

    sentences = sum(len(evidence.candidates) for evidence, _ in pools.values()) / len(pools)
    milliseconds = 1000 * seconds / len(pools)
    print(f"{len(pools)} questions, {sentences:.0f} sentences each, weighed in {milliseconds:.1f} ms\n")
    rows: list[list[str]] = []
    for label, way in ways.items():
        columns: list[list[float]] = []
        for budget in budgets:
            column: list[float] = []
            for name, (evidence, cosine) in pools.items():
                relevant = dataset.qrels[name]
                kept = " | ".join(
                    words(text) for one, text in way(evidence, cosine, budget) if relevant.get(one, 0) > 0
                )
                column.append(float(any(answer in kept for answer in answers[name])))
            columns.append(column)
        shown = (f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in intervals(columns))
        rows.append([label, *shown])
    print(harness.table(["answer in the context", *(f"{budget} tokens" for budget in budgets)], rows))
    await refusals(data, encoder, embedder)
    print("\n" + harness.machine("numpy", "qdrant-edge-py", "wordllama"))


async def refusals(data: Path, encoder: Bm25Encoder, embedder: WordLlamaEmbedder) -> None:
    """Print how many questions are answered, by collection of the documents and of the questions."""
    settings = CitedAnswer()
    sets = {name: beir(data / name) for name in ("scifact", "cranfield", "musique")}
    rows: list[list[str]] = []
    for name, documents in sets.items():
        search = Bm25(passages_of(documents), encoder)
        cells: list[str] = []
        for questions in sets.values():
            answered = 0
            asked = list(questions.queries.values())[:100]
            for text in asked:
                evidence = gather(search.search(text), question_terms(Query(text), encoder), encoder)
                cosine = await cosines(evidence, text, embedder)
                answered += aboutness(evidence, cosine) >= settings.about
            cells.append(f"{answered} of {len(asked)}")
        rows.append([name, *cells])
    headings = ["answered from the documents of", *(f"{name} questions" for name in sets)]
    print("\n" + harness.table(headings, rows))


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 200, 400, 800])
    arguments = parser.parse_args()
    asyncio.run(measured(arguments.data, arguments.budgets))


if __name__ == "__main__":
    main()
