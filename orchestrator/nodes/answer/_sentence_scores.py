"""Scores of sentences: how much each is about the question, by terms, by meaning and by where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

from orchestrator.errors import BudgetExhausted
from orchestrator.nodes.answer._evidence import Evidence, headings_of
from orchestrator.ports import Embedder, reads
from orchestrator.ranking.lexrank import lexrank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Balance:
    """How much each sign counts in a sentence's score; only their proportions matter.

    `relevance`: to the question; `dense`: the part of it that is cosine rather than shared terms;
    `centrality`: LexRank; `rank`: that of its passage among the hits, discounted as in nDCG.
    """

    relevance: float = 0.6
    dense: float = 0.3
    centrality: float = 0.2
    rank: float = 0.2


async def cosines(
    evidence: Evidence,
    question: str,
    embedder: Embedder,
    *,
    among: Iterable[int] | None = None,
    limit: int = 64,
) -> NDArray[np.float32] | None:
    """Cosine of each sentence with the question, at least 0; 0 too for those not embedded.

    Embedded are the `limit` sentences, of those named by `among`, that hold most of the question. None if the
    embedder does not read the question's language: its cosines would be noise. None too if the budget does
    not allow its calls: words alone have to do.
    """
    alone, _ = await placed_cosines(evidence, question, embedder, among=among, limit=limit, placed=False)
    return alone


async def placed_cosines(
    evidence: Evidence,
    question: str,
    embedder: Embedder,
    *,
    among: Iterable[int] | None = None,
    limit: int = 64,
    placed: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | tuple[None, None]:
    """`cosines` of each sentence alone, and of it with the title and the heading that it stands under.

    The second is the cosine of the sum of both vectors: "Stop the servers first." is about restoring where
    its heading says so. Titles and headings are few, and embedded once each.
    """
    if not reads(embedder, question):
        return None, None
    try:
        return await _placed(evidence, question, embedder, among=among, limit=limit, placed=placed)
    except BudgetExhausted:
        return None, None


async def _placed(
    evidence: Evidence,
    question: str,
    embedder: Embedder,
    *,
    among: Iterable[int] | None,
    limit: int,
    placed: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import numpy as np

    alone = np.zeros(len(evidence.candidates), dtype=np.float32)
    rows = range(len(evidence.candidates)) if among is None else among
    rows = [row for row in rows if evidence.candidates[row].alone]
    rows = sorted(rows, key=lambda row: -float(evidence.coverage[row]))[:limit]
    if not rows or not question.strip():
        return alone, alone
    asked = (await embedder.embed([question], kind="query"))[0]
    vectors = await embedder.embed([evidence.candidates[row].text for row in rows], kind="passage")
    alone[rows] = np.clip(vectors @ asked, 0.0, 1.0)
    if not placed:
        return alone, alone
    headings = headings_of(evidence)
    places = [_place(evidence, row, headings[row]) for row in rows]
    named = [place for place in dict.fromkeys(places) if place]
    summed = np.array(vectors, dtype=np.float32)
    if named:
        found = dict(zip(named, await embedder.embed(named, kind="passage"), strict=True))
        for number, place in enumerate(places):
            if place:
                summed[number] += found[place]
    lengths = np.maximum(np.linalg.norm(summed, axis=1), 1e-6)
    both = np.zeros_like(alone)
    both[rows] = np.clip(summed @ asked / lengths, 0.0, 1.0)
    return alone, both


def _place(evidence: Evidence, row: int, heading: int | None) -> str:
    """The title and the heading above a sentence, as one text."""
    title = evidence.passages[evidence.candidates[row].passage].title
    below = "" if heading is None else evidence.candidates[heading].text
    return f"{title} {below.strip('#=-~^ ')}".strip()


def relevances(evidence: Evidence, cosine: NDArray[np.float32] | None, dense: float) -> NDArray[np.float32]:
    """How much each sentence is about the question, 0 to 1: shared terms, and cosine where there is one."""
    if cosine is None:
        return evidence.coverage
    return ((1.0 - dense) * evidence.coverage + dense * cosine).astype("float32")


def sentence_scores(
    evidence: Evidence, cosine: NDArray[np.float32] | None, balance: Balance
) -> NDArray[np.float32]:
    """The score of each sentence, 0 to 1."""
    import numpy as np

    relevance = relevances(evidence, cosine, balance.dense)
    central = lexrank(evidence.similarity)
    peak = float(central.max(initial=0.0))
    rank = np.array([1.0 / log2(2 + candidate.passage) for candidate in evidence.candidates])
    total = balance.relevance + balance.centrality + balance.rank
    score = balance.relevance * relevance + balance.rank * rank
    if peak > 0:
        score = score + balance.centrality * central / peak
    return (score / total if total > 0 else score * 0.0).astype(np.float32)
