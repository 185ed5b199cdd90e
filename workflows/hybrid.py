"""Hybrid: the best passages that can be found without a language model.

the question and its sentences → BM25 and dense rankings → fused → the query vector moves towards the
passages found, as far as these agree → dense ranking again → fused → what the best ones mention

What to change:

* `Interpolate(sparse=…)` is BM25's share: more finds exact words and names more surely, less finds
  paraphrases. Beside the light embedder, BM25 leads whatever this says, and nothing is fed back;
* `VectorFeedback(agreement=(low, high))` are mean cosines of the best passages: below `low` they are
  about different things and teach nothing, from `high` on they count in full;
* without `SplitQuestion()`, a question of several sentences is searched as one;
* without `TitleMentionBoost()`, a passage that the best ones name by its title is not raised;
* terms can be fed back, too: `Rm3()` after an `Interpolate()`, and `sparse` behind it again.

Its constants were chosen on one half of the queries of six collections together, by the benchmark
`choose_hybrid`: points in the middle of where nothing changes. No collection has its own.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import Interpolate, Retrieve, SplitQuestion, TitleMentionBoost, VectorFeedback

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
    >> TitleMentionBoost(),
)
