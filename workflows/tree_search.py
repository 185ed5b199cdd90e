"""Tree search: the best passages for a question, by walking the semantic tree of the index.

hybrid search → the nodes above what it found, and the root → rounds of the most promising nodes
    → within the long documents that the question names → passages

The tree is built by `orchestrator tree build`. Without one, the hits of the hybrid search are the result.

What to change:

* `TreeSearch(rounds=…, beam=…)` is how much of the tree is read: each round reads `beam` nodes;
* `scorer="model"` lets a language model judge topics and passages, `scorer="reranker"` a server of scores;
  by default it is the model, if there is one, or else embeddings;
* `relevance="…"` says what makes a passage relevant in this collection, in words, to a model;
* without the nodes before it, `TreeSearch()` alone begins at the root;
* `NamedDocuments(documents=…)` is in how many long documents, such as reports of several years, it looks for
  the page; it leaves documents of a few passages alone.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import Interpolate, NamedDocuments, Retrieve, TreeSearch

sparse = Retrieve(k=100, mode="bm25").writing("sparse")
dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")

tree_search = workflow("tree_search", sparse >> dense >> Interpolate() >> TreeSearch() >> NamedDocuments())
