"""Recommend: what somebody is offered next, and why.

history → candidates, ranked by the best ranker that was trained → slate with reasons

What to change:

* `Recommend(ranker="rules")` uses another ranker; several are joined by a fusion, with text search or not:
  `fuse(Recommend(ranker="rules") | Recommend(ranker="attributes") | FindItems(), by=rrf(60))`;
* whatever ranks better goes before `MakeSlate`: any node from `Hits` to `Hits`, as `Rerank("groupwise")`;
* `MakeSlate(diversity=0.3, at_most=(("brand", 2),))` shows fewer of a kind.

`orchestrator serve recommend` takes the history at `POST /v1/recommendations` with `"model": "recommend"`;
in a chat, and by `orchestrator ask`, it is that of whoever asks.
"""

from __future__ import annotations

from orchestrator import Question, workflow
from orchestrator.nodes import MakeSlate, Recommend
from orchestrator.types import History

recommend = workflow("recommend", Recommend(k=100) >> MakeSlate(k=10), inputs=(Question, History))
