"""What answers that quote have in common: what may be quoted, what it is about, how it is cited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.nodes.answer._evidence import Evidence
from orchestrator.nodes.answer._sentence_scores import Balance
from orchestrator.places import place_at
from orchestrator.types import Citation, Excerpt, Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOTHING = "Nothing in the documents answers this."
# An answer must be about the question above all; what else is said of a subject is for a context.
BALANCE = Balance(relevance=0.8, dense=0.5, centrality=0.0, rank=0.2)

# What stands for the cosine where the embedder does not read the question: sentences that answer have about
# as much.
_NEUTRAL = 0.5


def aboutness(evidence: Evidence, cosine: NDArray[np.float32] | None) -> float:
    """How much the evidence is about the question, 0 to 1; see `CitedAnswer`."""
    shares = (evidence.share(evidence.terms(number)) for number in range(len(evidence.passages)))
    nearest = _NEUTRAL if cosine is None else float(cosine.max(initial=0.0))
    return (max(shares, default=0.0) + nearest) / 2


def citation(n: int, passage: Passage, spans: Sequence[tuple[int, int]]) -> Citation:
    """Passage as the citation `[n]`, with text and place of the spans that the context holds of it."""
    place = place_at(passage.places, spans[0][0] if spans else 0)
    return Citation(
        n,
        passage.id,
        passage.title or passage.document,
        passage.source,
        excerpt_text(passage.text, spans),
        passage.hash,
        passage.labels,
        place.page,
        place.section,
    )


def excerpt_text(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The spans of a text in one: as they stand where only blanks lie between, else with an ellipsis."""
    pieces: list[str] = []
    reached = 0
    for start, end in spans:
        gap = text[reached:start]
        if pieces:
            pieces.append(" … " if gap.strip() else gap)
        pieces.append(text[start:end])
        reached = end
    return "".join(pieces)


def within(evidence: Evidence, excerpts: Sequence[Excerpt]) -> list[int]:
    """The sentences that lie inside the spans of the context."""
    spans: Mapping[str, tuple[tuple[int, int], ...]] = {one.passage: one.spans for one in excerpts}
    return [
        row
        for row, candidate in enumerate(evidence.candidates)
        if any(
            start <= candidate.sentence.start and candidate.sentence.end <= end
            for start, end in spans.get(evidence.passages[candidate.passage].id, ())
        )
    ]
