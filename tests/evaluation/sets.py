"""Small data sets, and small real nodes that search them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestrator import Node, Run, node
from orchestrator.types import Hit, Hits, Question, ranked

DOCUMENTS = {
    "d1": "the cat sat on the mat",
    "d2": "a dog chased the cat",
    "d3": "birds sing in the morning",
    "d4": "the dog sleeps all morning",
    "d 5": "cats, dogs and birds are animals",
}
QUERIES = {"q1": "cat on a mat", "q2": "morning birds", "q3": "sleeping dog"}
QRELS = [("q1", "d1", 2), ("q1", "d2", 1), ("q2", "d3", 1), ("q3", "d4", 1), ("q3", "d 5", 0)]


def write_lines(path: Path, entries: list[Any]) -> None:
    """One JSON value, or text as it is, a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_beir(
    folder: Path,
    *,
    corpus: list[Any] | None = None,
    queries: list[Any] | None = None,
    qrels: list[str] | None = None,
    split: str = "test",
) -> Path:
    """A data set in BEIR's layout; each part can be replaced."""
    if corpus is None:
        corpus = [{"_id": name, "title": "", "text": text} for name, text in DOCUMENTS.items()]
    if queries is None:
        queries = [{"_id": name, "text": text} for name, text in QUERIES.items()]
    if qrels is None:
        qrels = ["\t".join(map(str, qrel)) for qrel in QRELS]
    write_lines(folder / "corpus.jsonl", corpus)
    write_lines(folder / "queries.jsonl", queries)
    write_lines(folder / "qrels" / f"{split}.tsv", ["query-id\tcorpus-id\tscore", *qrels])
    return folder


#: How often each node ran, by name; tests empty it.
RAN: list[str] = []


@node
async def overlap(question: Question, *, least: int = 1) -> Hits:
    """Documents by the number of words that they share with the question."""
    RAN.append("overlap")
    words = set(question.text.split())
    scores = {name: len(words & set(text.split())) for name, text in DOCUMENTS.items()}
    return ranked([Hit(name, float(score)) for name, score in scores.items() if score >= least])


@node
async def shortest_first(hits: Hits) -> Hits:
    """The same documents, short ones first."""
    RAN.append("shortest_first")
    return ranked([Hit(hit.id, -float(len(DOCUMENTS[hit.id]))) for hit in hits])


@node
async def turned(hits: Hits) -> Hits:
    """The worst first."""
    RAN.append("turned")
    return ranked([Hit(hit.id, -hit.score) for hit in hits])


class Top(Node):
    """The first k."""

    k: int = 1

    async def __call__(self, hits: Hits) -> Hits:
        RAN.append(f"top{self.k}")
        return hits.top(self.k)


@node
async def fails_on_birds(question: Question, hits: Hits) -> Hits:
    """A node with a fault of its own."""
    if "birds" in question.text:
        raise ValueError("birds")
    return hits


@node
async def hurried(hits: Hits, run: Run) -> Hits:
    """Does less than it could, and says so."""
    run.degrade("there was no time")
    return hits
