"""Search: the best passages for a question, by hybrid search.

What to change:

* `k` is how many passages are returned, of which a chat shows ten; `pool` is how many each retriever
  ranks before the fusion;
* `mode="bm25"` or `mode="dense"` searches by words or by embeddings alone;
* a node from `Hits` to `Hits` goes after it: `Retrieve(...) >> recent_only(years=3)`;
* two retrievers are joined by rank fusion:
  `fuse(Retrieve(mode="bm25") | Retrieve(mode="dense"), by=rrf(60))`.

In a chat, a workflow that ends in hits replies with their titles and snippets.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import Retrieve

search = workflow("search", Retrieve(k=100, pool=100))
