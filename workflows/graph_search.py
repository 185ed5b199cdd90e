"""Graph search: the best passages of a question in several steps, along the names that documents mention.

question → hybrid search → documents that the best passages and the question name, fetched hop by hop
    → passages that name an entity of the best passages' facts, where there are facts

What to change:

* `GraphSearch(hops=1)` fetches only what the best passages name, not what is named there;
* `GraphSearch(sources=…)` is how many of the best passages are followed, `share` how much of their score a
  document gets that they name;
* any ranking may stand before it: `hybrid` ends in the same node;
* `outputs=(MentionPaths,)`, from `orchestrator.knowledge.spreading`, keeps the edges that were walked.

No model is read, and no graph has to be built: the names of documents follow them into the index. Facts are
imported or extracted: `orchestrator graph import`.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import EntityWalk, GraphSearch, Retrieve

graph_search = workflow("graph_search", Retrieve(k=100, pool=100) >> GraphSearch(k=100) >> EntityWalk(k=100))
