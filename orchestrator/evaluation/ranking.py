"""From the passages a workflow found to a ranking of documents, as judgements are by document."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.errors import NodeError, OrchestratorError
from orchestrator.evaluation.journal import Outcome
from orchestrator.graph.run.result import RunResult
from orchestrator.ports import Documents
from orchestrator.types import Hit, Hits, Principal
from orchestrator.values import passages_of

#: Passages that are looked up together, with their texts.
AT_ONCE = 1_000


def found_by(result: RunResult) -> Hits:
    """The passages a run found: its hits, or those that its output rests on if it shows no hits."""
    if isinstance(result.output, Hits):
        return result.output
    hits = result.get(Hits)
    if hits is not None:
        return hits
    cited = passages_of(result.output)
    return Hits(tuple(Hit(passage, float(len(cited) - rank)) for rank, passage in enumerate(cited)))


@dataclass(slots=True)
class DocumentRankings:
    """Ranks documents by their best passage.

    The order of passages stands; documents of equal score are ordered by id. `corpus` holds the ids of
    documents: a hit of such an id, from a node that ranks documents itself, is that document.
    """

    documents: Documents | None
    principal: Principal
    corpus: Collection[str]
    _of: dict[str, str] = field(default_factory=dict[str, str])

    def of(self, hits: Hits) -> tuple[Hits, int]:
        """The documents of learnt passages, best first, and how many passages have none to read."""
        best: list[Hit] = []
        seen: set[str] = set()
        unread = 0
        for hit in hits:
            if not math.isfinite(hit.score):
                raise NodeError(
                    f"The score of passage {hit.id!r} is {hit.score}.", hint="Scores are finite numbers."
                )
            document = self._of.get(hit.id)
            if document is None:
                unread += 1
            elif document not in seen:
                seen.add(document)
                best.append(Hit(document, hit.score, hit.why))
        return Hits(_ties_by_id(best)), unread

    def document(self, passage: str) -> str | None:
        """The document of a learnt passage; None if nobody may read it."""
        return self._of.get(passage)

    async def learn(self, rankings: Iterable[Hits]) -> None:
        """Look up the documents of passages, many in one call."""
        new = [passage for passage in dict.fromkeys(_ids(rankings)) if passage not in self._of]
        if self.documents is not None:
            for begin in range(0, len(new), AT_ONCE):
                part = new[begin : begin + AT_ONCE]
                found = await self.documents.passages(part, principal=self.principal)
                self._of.update((passage, found[passage].document) for passage in found)
        for passage in new:
            if passage not in self._of and passage in self.corpus:
                self._of[passage] = passage


async def document_outcomes(
    outcomes: Mapping[str, Mapping[str, Outcome]],
    documents: Documents | None,
    principal: Principal,
    corpus: Collection[str],
) -> dict[str, dict[str, Outcome]]:
    """Outcomes by arm and query, with documents in place of passages."""
    rankings = DocumentRankings(documents, principal, corpus)
    await rankings.learn(outcome.hits for mine in outcomes.values() for outcome in mine.values())
    return {
        name: {query: _of_documents(outcome, rankings) for query, outcome in mine.items()}
        for name, mine in outcomes.items()
    }


def _of_documents(outcome: Outcome, rankings: DocumentRankings) -> Outcome:
    try:
        hits, unread = rankings.of(outcome.hits)
    except OrchestratorError as error:
        return replace(outcome, hits=Hits(), error=f"{type(error).__name__}: {error}")
    return replace(outcome, hits=hits, unread=unread)


def _ids(rankings: Iterable[Hits]) -> Iterator[str]:
    return (passage for hits in rankings for passage in hits.ids)


def _ties_by_id(hits: list[Hit]) -> tuple[Hit, ...]:
    """The same order, but neighbours of one score by their ids."""
    ordered: list[Hit] = []
    begin = 0
    for end in range(1, len(hits) + 1):
        if end == len(hits) or hits[end].score != hits[begin].score:
            ordered += sorted(hits[begin:end], key=lambda hit: hit.id)
            begin = end
    return tuple(ordered)
