"""Multi-hop: a cited answer to a question whose passages have to be found one through the other.

conversation → standalone question → hybrid search → documents named in the best passages, two hops
    → their best sentences → answer with citations

What to change:

* `GraphSearch(hops=…)` is how many mentions a passage may be away from what the search found;
* `Compress(tokens=…)` sets how much of the documents is read, `CitedAnswer(sentences=…)` how much is
  quoted without a language model;
* a reranker goes behind `GraphSearch`: any node from `Hits` to `Hits`.
"""

from __future__ import annotations

from orchestrator import Hits, workflow
from orchestrator.nodes import (
    CitedAnswer,
    Compress,
    EntityWalk,
    GraphSearch,
    Interpolate,
    Retrieve,
    SplitQuestion,
    Standalone,
)

sparse = Retrieve(k=100, mode="bm25").writing("sparse")
dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")

multihop = workflow(
    "multihop",
    Standalone()
    >> SplitQuestion(at_most=4)
    >> sparse
    >> dense
    >> Interpolate()
    >> GraphSearch(hops=2, k=20)
    >> EntityWalk(k=20)
    >> Compress(tokens=1200)
    >> CitedAnswer(sentences=4),
    outputs=(Hits,),
)
