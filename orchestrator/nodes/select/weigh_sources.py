"""WeighSources: weight hits by their source, and drop those of harmful sources."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count
from orchestrator.ports import Documents
from orchestrator.ranking.source_weights import SourceWeights, require_weights, source_of
from orchestrator.types import Hits, Question, ranked


class WeighSources(Node):
    """Weight each hit's score by its source, drop sources of weight 0, and keep the best `k`.

    A score is scaled from 0, or from the lowest one if that is negative, so that a lower weight never
    raises it. Retrieve more than you need before it, since hits may go. `weights` are written by hand,
    or by `value_sources` from judged queries.
    """

    weights: SourceWeights
    k: Count | None = None

    def __post_init__(self) -> None:
        require_weights(self.weights)

    async def __call__(self, question: Question, hits: Hits, documents: Documents) -> Hits:
        found = await documents.passages(hits.ids, principal=question.principal)
        floor = min((hit.score for hit in hits), default=0.0)
        floor = min(floor, 0.0)
        weighed = [
            replace(hit, score=floor + weight * (hit.score - floor))
            for hit in hits
            if hit.id in found and (weight := self.weights.of(source_of(found[hit.id], self.weights.by))) > 0
        ]
        kept = ranked(weighed)
        return kept if self.k is None else kept.top(self.k)
