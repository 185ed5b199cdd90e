"""Facts: a cited answer from the facts of the knowledge graph about the entities of a question.

conversation → standalone question → its entities and their best facts → passages that say them, then other
    passages → their best sentences → answer with citations

What to change:

* `KnowledgeLookup(ranker=…)` ranks facts by `similarity`, `mmr`, `answer_expansion` or `rerank`, the last two
  with a language model; `per_entity`, `entities` and `tokens` are how many it keeps;
* `hops=2` looks at the neighbours of an entity as well;
* `FactPassages(k=…)` is how many passages come from the facts, before those of the search;
* without a language model, `FactAnswer(facts=…)` is how many facts are listed.

A question about nothing that the graph knows is answered from the documents alone.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import Compress, FactAnswer, FactPassages, KnowledgeLookup, Retrieve, Standalone

facts = workflow(
    "facts",
    Standalone()
    >> KnowledgeLookup(ranker="mmr", per_entity=20)
    >> Retrieve(k=20, pool=100)
    >> FactPassages()
    >> Compress(tokens=1200)
    >> FactAnswer(),
)
