"""Drift: what a reformulated query finds, held to what the original one found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._settings import Count, Share, Weight
from orchestrator.nodes.retrieve.fusion import reciprocal_rank
from orchestrator.types import Drift, Hits


class DriftGuard(Node):
    """Guard against query drift: fuse the hits of original and reformulated query, report the overlap.

    Reads the channel `original` beside the hits. `weight` is the original's in the rank fusion, the
    reformulation has 1; 0 leaves the original out, and only reports. Below an overlap of `least`, of the
    first `depth`, the reformulation has drifted to another subject: the original ranking stands alone,
    and the run says so. Reformulation is not uniformly good: on DL19, keywords of a 72B model lowered
    nDCG@10 from .5058 to .4739 (QueryGym's records).
    """

    depth: Count = 10
    least: Share = 0.0
    weight: Weight = 1.0
    k: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0

    async def __call__(
        self, original: Annotated[Hits, "original"], hits: Hits, run: Run
    ) -> tuple[Hits, Drift]:
        drift = Drift(overlap(original, hits, self.depth), self.depth)
        if drift.overlap < self.least:
            run.degrade(
                f"the reformulated query drifted: it keeps {drift.overlap:.0%} of the first {self.depth} "
                "passages of the original one, which is used alone"
            )
            return original, drift
        return reciprocal_rank((original, hits), (self.weight, 1.0), k=self.k), drift


def overlap(original: Hits, other: Hits, depth: int) -> float:
    """The share of the first `depth` of `original` that are among the first `depth` of `other`; 1 if none."""
    first = set(original.top(depth).ids)
    return len(first & set(other.top(depth).ids)) / len(first) if first else 1.0
