"""Items by the words of a text: BM25 over titles and attributes, in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.interactions.items import Items
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.item_content import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

K1, B = 1.2, 0.75
#: Words that say nothing of what is looked for.
STOP = frozenset(
    "a an and any are as at be but by can do for from give have i in is it like me my of on or order "
    "please show so some something that the them they this to want was what with you".split()
)


@dataclass(frozen=True, eq=False)
class Words:
    """`matrix` CSR (words, items) of term-frequency parts; `columns` the row of each word."""

    matrix: Any
    columns: dict[str, int]
    items: int

    @classmethod
    def of(cls, items: Items) -> Words:
        """The words of a catalogue."""
        import numpy as np

        sparse = library("scipy.sparse")
        counted = [Counter(words(item.text)) for item in items.rows]
        lengths = [sum(counts.values()) for counts in counted]
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        columns: dict[str, int] = {}
        rows: list[int] = []
        numbers: list[int] = []
        values: list[float] = []
        for number, (counts, length) in enumerate(zip(counted, lengths, strict=True)):
            for word, count in counts.items():
                rows.append(columns.setdefault(word, len(columns)))
                numbers.append(number)
                values.append(count * (K1 + 1) / (count + K1 * (1 - B + B * length / max(mean, 1e-9))))
        matrix = sparse.csr_matrix(
            (np.asarray(values, dtype=np.float32), (rows, numbers)), shape=(len(columns), len(items))
        )
        return cls(matrix, columns, len(items))

    def scores(self, text: str, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
        """A score (items,); 0 without a word in common. Words are as rare as they are among the allowed."""
        import numpy as np

        found = np.zeros(self.items, dtype=np.float32)
        seen = max(1, int(allowed.sum()))
        for word, count in Counter(words(text)).items():
            row = self.columns.get(word)
            if row is None or word in STOP:
                continue
            begin, end = self.matrix.indptr[row], self.matrix.indptr[row + 1]
            numbers, parts = self.matrix.indices[begin:end], self.matrix.data[begin:end]
            spread = int(allowed[numbers].sum())
            idf = np.log(1.0 + (seen - spread + 0.5) / (spread + 0.5))
            found[numbers] += count * idf * parts
        return np.where(allowed, found, 0.0).astype(np.float32)
