"""Shop: "something like my last order, but fragrance-free" — retrieval and recommendation in one graph.

conversation → standalone question → who asks, and what they had
    → items for the history | items for the words → fused → less what is refused
    → slate with reasons → reply

What to change:

* the weights of `rrf` say how much the history counts beside the words;
* whoever asks is a user of the log by the name of the principal, which an API key decides;
* `ExcludeRefused` reads "not red", "without perfume", "fragrance-free"; `k` makes up for what is excluded;
* with a language model, `Rerank("groupwise")` before `MakeSlate` reads titles and attributes.
"""

from __future__ import annotations

from orchestrator import fuse, workflow
from orchestrator.nodes import (
    ExcludeRefused,
    FindItems,
    MakeSlate,
    Recommend,
    SlateAnswer,
    Standalone,
    UserHistory,
    rrf,
)

shop = workflow(
    "shop",
    Standalone()
    >> UserHistory()
    >> fuse(Recommend(k=200, cold=False) | FindItems(k=200), by=rrf(weights=(1.0, 2.0)))
    >> ExcludeRefused()
    >> MakeSlate(k=10, diversity=0.1)
    >> SlateAnswer(),
)
