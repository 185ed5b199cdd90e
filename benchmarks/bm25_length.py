"""Which length BM25 should take for average, on documents as they are and on long ones in pieces.

    python -m benchmarks.bm25_length --data DIR [--collections scifact ...] [--joined 1 5 20]

The constant is part of every stored vector, and an index is made before its average is known. Documents
of each BEIR collection are taken as they are, and joined, 5 and 20 at a time in an order of chance, into
long documents that are split as the indexer does it; a passage of these is relevant if it holds the
middle of a relevant document. For each length the nDCG@10 of BM25 alone, over all passages, with exact
scores. `own` is the collection's own average, which an index could only have measured afterwards. The
length is chosen on the queries with an even hash (the best mean loss to `own` over all collections);
the table reports those with an odd one.
"""

import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness

LENGTHS = (32, 48, 64, 96, 128, 192, 256)
COLLECTIONS = ("cranfield", "scifact", "musique", "theoremqa", "toolbench")
K, B = 1.2, 0.75


def records(path: Path) -> list[dict[str, Any]]:
    """The lines of a file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def passages(
    corpus: list[dict[str, Any]], joined: int, seed: int = 0
) -> tuple[list[str], dict[str, set[int]]]:
    """Texts of passages, and for each document the numbers of those that hold it."""
    from orchestrator.indexing.splitting import Splitting

    if joined == 1:
        texts = [f"{each.get('title', '')}\n{each['text']}".strip() for each in corpus]
        return texts, {each["_id"]: {number} for number, each in enumerate(corpus)}
    order = list(corpus)
    random.Random(seed).shuffle(order)
    texts: list[str] = []
    holds: dict[str, set[int]] = defaultdict(set)
    for start in range(0, len(order), joined):
        members = order[start : start + joined]
        parts = [f"{each.get('title', '')}\n{each['text']}".strip() for each in members]
        first = len(texts)
        texts += Splitting().split("\n\n".join(parts))
        for each, part in zip(members, parts, strict=True):
            middle = part[len(part) // 2 - 20 : len(part) // 2 + 20].strip()
            holds[each["_id"]] |= {
                number for number in range(first, len(texts)) if middle and middle in texts[number]
            }
    return texts, holds


class Counted:
    """Counts of terms of passages, by term."""

    def __init__(self, texts: list[str]) -> None:
        from connectors.bm25 import Bm25Encoder

        self.encoder = Bm25Encoder()
        found: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self.lengths = np.zeros(len(texts))
        for number, text in enumerate(texts):
            vector = self.encoder.query(text)
            self.lengths[number] = sum(vector.values)
            for term, count in zip(vector.indices, vector.values, strict=True):
                found[term].append((number, count))
        self.postings = {
            term: (np.array([n for n, _ in each]), np.array([c for _, c in each]))
            for term, each in found.items()
        }

    def scores(self, query: str, average: float) -> np.ndarray:
        """BM25 of every passage."""
        total = np.zeros(len(self.lengths))
        vector = self.encoder.query(query)
        for term, often in zip(vector.indices, vector.values, strict=True):
            if term in self.postings:
                numbers, counts = self.postings[term]
                held = len(numbers)
                idf = np.log1p((len(total) - held + 0.5) / (held + 0.5))
                norm = K * (1 - B + B * self.lengths[numbers] / average)
                total[numbers] += often * idf * counts * (K + 1) / (counts + norm)
        return total


def ndcg(scores: np.ndarray, gains: dict[int, float]) -> float:
    """nDCG@10; ties by number."""
    best = np.lexsort((np.arange(len(scores)), -scores))[:10]
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.sort(list(gains.values()))[::-1][:10]
    got = np.array([gains.get(int(number), 0.0) for number in best])
    return float((got * discounts[: len(got)]).sum() / (ideal * discounts[: len(ideal)]).sum())


def even(query: str) -> bool:
    """Whether a query is one to choose by."""
    return hashlib.sha256(query.encode()).digest()[0] % 2 == 0


def main() -> None:
    """Measure, choose, and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--collections", nargs="+", default=COLLECTIONS)
    parser.add_argument("--joined", nargs="+", type=int, default=[1, 5, 20])
    given = parser.parse_args()
    losses: dict[int, list[float]] = defaultdict(list)
    header = " | ".join(map(str, LENGTHS))
    print(f"| collection | joined | passages | terms | queries | own | {header} |")
    print("|---" * (6 + len(LENGTHS)) + "|")
    for name in given.collections:
        folder = given.data / name
        corpus = [each for each in records(folder / "corpus.jsonl") if each["text"].strip()]
        queries = {each["_id"]: each["text"] for each in records(folder / "queries.jsonl")}
        qrels: dict[str, dict[str, float]] = defaultdict(dict)
        for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
            query, document, score = line.split("\t")
            if float(score) > 0:
                qrels[query][document] = float(score)
        for joined in given.joined:
            texts, holds = passages(corpus, joined)
            counted = Counted(texts)
            own = float(counted.lengths.mean())
            found: dict[bool, list[list[float]]] = {True: [], False: []}
            for query, relevant in sorted(qrels.items()):
                gains: dict[int, float] = {}
                for document, gain in relevant.items():
                    for number in holds.get(document, ()):
                        gains[number] = max(gain, gains.get(number, 0.0))
                if gains and query in queries:
                    values = [ndcg(counted.scores(queries[query], each), gains) for each in (own, *LENGTHS)]
                    found[even(query)].append(values)
            chosen, reported = (np.mean(found[side], axis=0) for side in (True, False))
            for length, value in zip(LENGTHS, chosen[1:], strict=True):
                losses[length].append(float(chosen[0] - value))
            cells = " | ".join(f"{value:.3f}" for value in reported)
            print(
                f"| {name} | {joined} | {len(texts):,} | {own:.0f} | {len(found[False])} | {cells} |",
                flush=True,
            )
    print("\nOn the queries with an even hash, the mean and the largest loss to `own` in nDCG@10:")
    for length, each in losses.items():
        print(f"{length:>4}: {np.mean(each):+.4f} {max(each):+.4f}")
    print(f"least mean loss: {min(losses, key=lambda length: np.mean(losses[length]))}")


if __name__ == "__main__":
    main()
