"""Recommend: what somebody is offered next, and why.

history → candidates, ranked by the best arm that was trained → slate with reasons

What to change:

* `Recommend(arm="rules")` ranks by another arm; several are joined by a fusion, with text search or not:
  `fuse(Recommend(arm="rules") | Recommend(arm="attributes") | FindItems(), by=rrf(60))`;
* whatever ranks better goes before `Slated`: any node from `Hits` to `Hits`, as `Rerank("groupwise")`;
* `Slated(diversity=0.3, at_most=(("brand", 2),))` shows fewer of a kind.

The history is given with the question: by `app.run`, or to `orchestrator serve recommend` at
`POST /v1/recommendations` with `"model": "recommend"`.
"""

from __future__ import annotations

from orchestrator import Question, workflow
from orchestrator.nodes import Recommend, Slated
from orchestrator.types import History

recommend = workflow("recommend", Recommend(k=100) >> Slated(k=10), inputs=(Question, History))
