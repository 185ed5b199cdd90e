"""Search: the best passages for a question.

What to change:

* `k` is how many passages come back, of which a chat shows ten, `pool` how many each leg looks at
  before they are fused;
* `mode="bm25"` or `mode="dense"` searches by words or by meaning alone;
* a node that reads `Hits` and returns `Hits` goes behind it: `Retrieve(...) >> recent_only(years=3)`;
* two ways to search are joined by a fusion:
  `fuse(Retrieve(mode="bm25") | Retrieve(mode="dense"), by=rrf(60))`.

In a chat, a workflow that ends in hits replies with their titles and snippets.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import Retrieve

search = workflow("search", Retrieve(k=100, pool=100))
