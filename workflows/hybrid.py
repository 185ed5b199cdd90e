"""Hybrid: the best passages that can be found without a language model.

question and its sentences → BM25 and dense rankings, fused → vector feedback from the passages found
    → dense ranking again, fused → documents that the best passages name, fetched

What to change:

* `Interpolate(sparse=…)` is the share of BM25: more favours exact words and names, less favours
  paraphrases. With the light embedder, BM25 leads whatever this says, and there is no feedback;
* `VectorFeedback(agreement=(low, high))` are mean cosines of the best passages: below `low` they are
  about different things and are not used, from `high` on they count in full;
* without `SplitQuestion()`, a question of several sentences is searched as one;
* without `GraphSearch()`, the documents that the best passages name are not fetched;
* feedback by terms is possible, too: `Rm3()` after an `Interpolate()`, then `sparse` again.

The constants were chosen on one half of the queries of six collections together, by the benchmark
`choose_hybrid`, in the middle of ranges where nothing changes. All collections share them.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import EntityWalk, GraphSearch, Interpolate, Retrieve, SplitQuestion, VectorFeedback

sparse = Retrieve(k=100, mode="bm25").writing("sparse")
dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")

hybrid = workflow(
    "hybrid",
    SplitQuestion(at_most=4)
    >> sparse
    >> dense
    >> Interpolate()
    >> VectorFeedback(docs=4, share=0.5, agreement=(0.2, 0.9))
    >> dense
    >> Interpolate()
    >> GraphSearch()
    >> EntityWalk(),
)
