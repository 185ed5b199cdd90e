"""FactPassages: the passages that say the facts of a question, before the hits there are."""

from __future__ import annotations

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count
from orchestrator.ports import Facts
from orchestrator.types import Hit, Hits


class FactPassages(Node):
    """Put at most `k` passages that say the best facts before the hits, those of each entity in turn."""

    k: Count = 10
    keep: Count = 100

    async def __call__(self, facts: Facts, hits: Hits | None) -> Hits:
        deepest = max((len(each.facts) for each in facts.entities), default=0)
        told = dict.fromkeys(
            each.facts[rank].passage
            for rank in range(deepest)
            for each in facts.entities
            if rank < len(each.facts) and each.facts[rank].passage
        )
        first = list(told)[: self.k]
        others = [hit for hit in hits or () if hit.id not in set(first)]
        best = max((hit.score for hit in others), default=0.0)
        found = [Hit(one, best + 1.0 / (1 + rank), "fact") for rank, one in enumerate(first)]
        return Hits(tuple([*found, *others][: self.keep]))
