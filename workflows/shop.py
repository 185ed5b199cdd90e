"""Shop: conversational recommendation, as for "something like my last order, but fragrance-free".

conversation → standalone question → history of the user
    → items for the history | items for the words, fused → without what the question refuses
    → slate with reasons → reply

What to change:

* the weights of `rrf` are those of the history and of the words;
* the user of the log is the name of the principal, which the API key decides;
* `ExcludeRefused` reads "not red", "without perfume", "fragrance-free"; a high `k` makes up for these;
* with a language model, `Rerank("groupwise", criterion="products")` before `MakeSlate` reads the titles.
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
