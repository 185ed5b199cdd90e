"""One long document as its own little index: what a question asks for within it.

In a report of one company, the company's name tells no page from another. So words count by how few pages of
this document have them, and not by how few of the corpus. A page counts by its own words and by those of the
headings above it; where a question asks for a quantity, by how many numbers stand on it; and by the cosine of
the passage that it is part of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from orchestrator.ports import SparseEncoder, SparseVector
from orchestrator.tree.leaf import BETWEEN_HEADINGS
from orchestrator.types import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMBER = re.compile(r"\d[\d,.]*")
_QUANTITY = re.compile(
    r"""\bhow\ (?:much|many|big|high|large|long|far|often)\b
    | \b(?:amounts?|millions?|billions?|thousands?|percent(?:age)?|ratio|margin|total|average|rate|sum|number
        |growth|usd|eur|\w*bytes)\b
    | [$€£%]""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class WithinWeights:
    """What counts beside the words of a page, whose best page has 1: headings, numbers, and cosines."""

    headings: float = 0.15
    numbers: float = 0.3
    dense: float = 1.0


@dataclass(frozen=True, slots=True)
class Portion:
    """What stands of a passage on one page, below the `headings` of that part."""

    passage: int
    page: int | None
    text: str
    headings: str


class LongDocument:
    """The passages of a document, in parts by page, and what is counted of them."""

    def __init__(
        self, passages: Sequence[Passage], vectors: dict[str, NDArray[np.float32]], encoder: SparseEncoder
    ) -> None:
        import numpy as np

        self.ids = tuple(passage.id for passage in passages)
        portions = [one for at, passage in enumerate(passages) for one in portions_of(at, passage)]
        self._owner = np.array([portion.passage for portion in portions], dtype=np.int64)
        self.pages = tuple(portion.page for portion in portions)
        self._words = Postings(encoder.passages([portion.text for portion in portions]))
        self._headings = Postings(encoder.passages([portion.headings for portion in portions]))
        numbers = np.array([len(_NUMBER.findall(portion.text)) for portion in portions], dtype=np.float64)
        self._numbers = _share_of_best(np.log1p(numbers))
        # A passage without a vector is as far away as can be.
        empty = np.zeros_like(next(iter(vectors.values()))) if vectors else None
        self._vectors = None if empty is None else np.stack([vectors.get(name, empty) for name in self.ids])

    def scores(
        self,
        question: str,
        terms: SparseVector,
        vector: NDArray[np.float32] | None,
        weights: WithinWeights | None = None,
        names: SparseVector | None = None,
    ) -> NDArray[np.float64]:
        """A score of each portion, in the order of `pages`: 1 for the best page by words alone.

        `names` are terms of the question that name the document: they count for nothing on its cover, which
        is full of them and answers nothing.
        """
        import numpy as np

        weights = weights or WithinWeights()
        words = self._words.scores(terms)
        if names is not None:
            cover = np.array([page == 1 for page in self.pages], dtype=bool)
            words = np.where(cover, np.maximum(words - self._words.scores(names), 0.0), words)
        found = _share_of_best(words)
        found += weights.headings * _share_of_best(self._headings.scores(terms))
        if _QUANTITY.search(question):
            found += weights.numbers * self._numbers
        if vector is not None and self._vectors is not None:
            cosines = (self._vectors @ vector).astype("float64")
            found += weights.dense * _share_of_best(cosines - cosines.min())[self._owner]
        return found

    def passage_scores(self, scores: NDArray[np.float64]) -> list[tuple[str, float]]:
        """The passages with the score of their best portion, the best first."""
        import numpy as np

        best = np.full(len(self.ids), -np.inf)
        np.maximum.at(best, self._owner, scores)
        order = sorted(range(len(self.ids)), key=lambda at: (-best[at], at))
        return [(self.ids[at], float(best[at])) for at in order]


class Postings:
    """Sparse vectors by term, with inverse document frequencies of their own."""

    def __init__(self, vectors: Sequence[SparseVector]) -> None:
        import numpy as np

        self._size = len(vectors)
        terms = np.array([term for one in vectors for term in one.indices], dtype=np.int64)
        values = np.array([value for one in vectors for value in one.values], dtype=np.float64)
        rows = np.repeat(np.arange(self._size), [len(one.indices) for one in vectors])
        order = np.argsort(terms, kind="stable")
        self._rows, self._values = rows[order], values[order]
        self._terms, self._starts = np.unique(terms[order], return_index=True)
        self._ends = np.append(self._starts[1:], len(terms))

    def scores(self, query: SparseVector) -> NDArray[np.float64]:
        """The score of each vector, shape (n,): BM25 where the encoder gives its term frequencies."""
        import numpy as np

        found = np.zeros(self._size)
        for term, count in zip(query.indices, query.values, strict=True):
            at = int(np.searchsorted(self._terms, term))
            if at == len(self._terms) or self._terms[at] != term:
                continue
            start, end = self._starts[at], self._ends[at]
            holding = end - start
            rarity = np.log1p((self._size - holding + 0.5) / (holding + 0.5))
            found[self._rows[start:end]] += count * rarity * self._values[start:end]
        return found


def portions_of(number: int, passage: Passage) -> Iterator[Portion]:
    """The parts of a passage by the pages that they stand on; one where it has no pages."""
    if not passage.places:
        yield Portion(number, None, passage.text, "")
        return
    starts = [place.start for place in passage.places] + [len(passage.text)]
    numbered = list(enumerate(passage.places))
    for page, group in groupby(numbered, key=lambda each: each[1].page):
        part = list(group)
        text = passage.text[starts[part[0][0]] : starts[part[-1][0] + 1]]
        headings = dict.fromkeys(
            heading for _, place in part for heading in place.section.split(BETWEEN_HEADINGS) if heading
        )
        yield Portion(number, page, text, " ".join(headings))


def _share_of_best(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values over the highest of them; zeros where none is above 0."""
    highest = float(values.max(initial=0.0))
    return values / highest if highest > 0 else values * 0.0
