"""Entity search: the passages of the concept that a question names, by what it asks about it.

question → hybrid search → the passages of the entity that it names, by alias too, before the other hits

What to change:

* `EntityPassages(sparse=…)` is the share of BM25 in the order of an entity's passages, the rest is by
  embeddings;
* `EntityPassages(at_most=…)`: an entity of more passages says too little, and is passed over;
* `EntityPassages(spelling=…)` is how alike a name must be that is not written as it is.

For collections whose documents are about concepts that have several names, such as diseases or products:
`orchestrator graph import concepts.jsonl` brings the names. A question of none of them keeps its hits.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import EntityPassages, Retrieve

entity_search = workflow("entity_search", Retrieve(k=100, pool=100) >> EntityPassages(keep=100))
