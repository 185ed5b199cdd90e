"""Recommend: a slate of items for a user, with a reason for each.

history → candidates, ranked by the best trained ranker → slate with reasons

What to change:

* `Recommend(ranker="rules")` uses another ranker; several are joined by rank fusion, with text search or not:
  `fuse(Recommend(ranker="rules") | Recommend(ranker="attributes") | FindItems(), by=rrf(60))`;
* a reranker goes before `MakeSlate`: any node from `Hits` to `Hits`, such as `Rerank("groupwise")`;
* `MakeSlate(diversity=0.3, at_most=(("brand", 2),))` shows fewer similar items; the same `at_most` in
  `Recommend` looks as far down the ranking as ten places need.

`orchestrator serve recommend` takes the history at `POST /v1/recommendations` with `"model": "recommend"`;
in a chat, and by `orchestrator ask`, it is that of whoever asks.
"""

from __future__ import annotations

from orchestrator import Question, workflow
from orchestrator.nodes import MakeSlate, Recommend
from orchestrator.types import History

recommend = workflow("recommend", Recommend(k=100, fill=True) >> MakeSlate(k=10), inputs=(Question, History))
