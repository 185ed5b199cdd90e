"""BM25 in twelve languages: questions of one index that holds all of them, and phrases copied from it.

    python -m benchmarks.languages --data DIR [--record]

XQuAD: the same 240 paragraphs in each of twelve languages, 50 questions a language in its own, nDCG@10 with
exact scores. `auto` is the default; `english` names one language for all texts in Latin script, as the
default did before; "one token a run" is the engine's own tokenizer, without a look at scripts.

Known items: 60 passages a language, a phrase of five words copied from a random place (of eight or sixteen
characters where there are no spaces), and whether its passage is among the first five.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks import harness
from orchestrator.ports import SparseVector

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
#: Characters of a phrase in scripts without spaces; a word of the others counts as one.
PHRASES = {"zh": 8, "th": 16}
WORDS, ITEMS, FIRST = 5, 60, 5


class Encoder(Protocol):
    """What is compared."""

    def passages(self, texts: Sequence[str]) -> list[SparseVector]: ...

    def query(self, text: str) -> SparseVector: ...


class Untold:
    """The engine's tokenizer with English stems, as it is without a look at scripts."""

    def __init__(self) -> None:
        from qdrant_edge import Bm25, Bm25Config

        common: dict[str, Any] = {
            "language": "english",
            "ascii_folding": True,
            "min_token_len": 2,
            "avg_len": 48,
        }
        self._weigh = Bm25(Bm25Config(k=1.2, b=0.75, **common))
        self._count = Bm25(Bm25Config(k=2.0**24, b=0.0, **common))

    def passages(self, texts: Sequence[str]) -> list[SparseVector]:
        """Weighted terms."""
        found = [self._weigh.embed_document(text) for text in texts]
        return [SparseVector(tuple(each.indices), tuple(each.values)) for each in found]

    def query(self, text: str) -> SparseVector:
        """Counted terms."""
        found = self._count.embed_document(text)
        return SparseVector(tuple(found.indices), tuple(float(round(value)) for value in found.values))


def scorer(encoder: Encoder, texts: Sequence[str]) -> Callable[[str], np.ndarray]:
    """BM25 of every text for a query."""
    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for number, vector in enumerate(encoder.passages(texts)):
        for term, weight in zip(vector.indices, vector.values, strict=True):
            postings[term].append((number, weight))

    def scores(query: str) -> np.ndarray:
        total = np.zeros(len(texts))
        vector = encoder.query(query)
        for term, count in zip(vector.indices, vector.values, strict=True):
            held = postings.get(term, [])
            idf = np.log1p((len(texts) - len(held) + 0.5) / (len(held) + 0.5))
            for number, weight in held:
                total[number] += count * idf * weight
        return total

    return scores


def ranked(scores: np.ndarray, limit: int) -> list[int]:
    """The best numbers, ties by number; what has no score is not found."""
    best = np.lexsort((np.arange(len(scores)), -scores))[:limit]
    return [int(number) for number in best if scores[number] > 0]


def questions(scores: Callable[[str], np.ndarray], data: Path, ids: Sequence[str]) -> dict[str, list[float]]:
    """nDCG@10 of each question, by language; each has one relevant paragraph."""
    wanted: dict[str, str] = {}
    for line in (data / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        wanted[query] = document
    found: dict[str, list[float]] = defaultdict(list)
    for query in _rows(data / "queries.jsonl"):
        if query["_id"] in wanted:
            place = [ids[number] for number in ranked(scores(query["text"]), 10)]
            held = wanted[query["_id"]]
            gain = 1 / np.log2(2 + place.index(held)) if held in place else 0.0
            found[query["_id"][:2]].append(float(gain))
    return found


def known(
    scores: Callable[[str], np.ndarray], texts: Mapping[str, Sequence[tuple[int, str]]]
) -> dict[str, int]:
    """How many passages are found by a phrase of theirs, by language."""
    chance = random.Random(1)
    found: dict[str, int] = {}
    for language in LANGUAGES:
        items = chance.sample(list(texts[language]), ITEMS)
        found[language] = sum(
            number in ranked(scores(phrase(text, language, chance)), FIRST) for number, text in items
        )
    return found


def phrase(text: str, language: str, chance: random.Random) -> str:
    """A few words or characters from a random place of a text."""
    if language in PHRASES:
        at = chance.randrange(max(1, len(text) - PHRASES[language]))
        return text[at : at + PHRASES[language]]
    words = text.split()
    at = chance.randrange(max(1, len(words) - WORDS))
    return " ".join(words[at : at + WORDS])


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Measure and print."""
    from connectors.bm25 import Bm25Encoder

    parser = harness.Arguments(__doc__, data=True, record=True)
    given = parser.parse_args()
    data = given.data / "xquad"
    corpus = _rows(data / "corpus.jsonl")
    ids, texts = [each["_id"] for each in corpus], [each["text"] for each in corpus]
    by_language: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, (name, text) in enumerate(zip(ids, texts, strict=True)):
        by_language[name[:2]].append((number, text))
    encoders: dict[str, Encoder] = {
        "one token a run": Untold(),
        "`english`": Bm25Encoder("english"),
        "`auto`": Bm25Encoder(),
    }
    rows: list[list[object]] = []
    for name, encoder in encoders.items():
        scores = scorer(encoder, texts)
        asked = questions(scores, data, ids)
        everything = [value for language in LANGUAGES for value in asked[language]]
        shown = [_written(float(np.mean(asked[language]))) for language in LANGUAGES]
        rows.append([name, _written(float(np.mean(everything))), *shown])
        copied = known(scores, by_language)
        rows.append([f"{name}: known items of {ITEMS}", "", *(copied[language] for language in LANGUAGES)])
    text = harness.table(["BM25", "all", *LANGUAGES], rows)
    text += f"\n\n{harness.machine('qdrant-edge-py')}"
    print(text)
    if given.record:
        harness.record("languages", text)


def _written(value: float) -> str:
    """Three places, as figures of quality are written here."""
    return f"{value:.3f}".lstrip("0") or "0"


if __name__ == "__main__":
    main()
