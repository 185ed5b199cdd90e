"""Chat: a cited answer to the last turn of a conversation.

conversation → standalone question → passages → their best sentences → answer with citations

What to change:

* `Retrieve(k=…)` and `Compress(tokens=…)` set how much of the documents is read: more costs a
  language model more tokens, less may miss a part of the answer;
* without a language model the answer quotes `CitedAnswer(sentences=…)` sentences; with one, `max_tokens`
  limits its length;
* a reranker goes between `Retrieve` and `Compress`: any node from `Hits` to `Hits`;
* a workflow for single questions, without conversations, needs no `Standalone()`.
"""

from __future__ import annotations

from orchestrator import workflow
from orchestrator.nodes import CitedAnswer, Compress, Retrieve, Standalone

chat = workflow(
    "chat",
    Standalone() >> Retrieve(k=20, pool=100) >> Compress(tokens=1200) >> CitedAnswer(sentences=4),
)
