"""Tree answer: a cited answer from passages that a walk of the semantic tree finds.

conversation → standalone question → hybrid search → tree search from there and from the root
    → within the long documents that the question names → the best sentences
    → answer with citations, with section and page where the document has them

The tree is built by `orchestrator tree build`. Without one, it answers from the hits of the hybrid search.

What to change:

* `TreeSearch(rounds=…, beam=…, scorer=…)` is how the tree is read; see `tree_search`;
* `Compress(tokens=…)` is how much of the passages is read for the answer;
* without a language model the answer quotes `CitedAnswer(sentences=…)` sentences; with one, `max_tokens`
  limits its length.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import (
    CitedAnswer,
    Compress,
    Interpolate,
    NamedDocuments,
    Retrieve,
    Standalone,
    TreeSearch,
)

sparse = Retrieve(k=100, mode="bm25").writing("sparse")
dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")

tree_ask = workflow(
    "tree_ask",
    Standalone()
    >> sparse
    >> dense
    >> Interpolate()
    >> TreeSearch(keep=20)
    >> NamedDocuments(keep=20)
    >> Compress(tokens=1200)
    >> CitedAnswer(sentences=4),
)
