"""Research: a report on a question, with a section per aspect and a citation for every statement.

hybrid search → aspects of the question → a search for each → passages that cover all → report

What to change:

* `Explore(at_most=…)` is the highest number of aspects. A language model names them; without one they are
  the sentences of the question, if it has several, or else clusters of the passages found, which may move
  the ranking by `trust`;
* `Cover(k=…)` is how many passages are selected to cover them; an experiment scores the workflow by these;
* `CitedReport(passages=…, per_section=…)` is how much is read; `sentences` is how much a section quotes
  without a language model, `max_tokens` how much a model writes.
"""

from __future__ import annotations

from orchestrator import Hits, workflow
from orchestrator.nodes import (
    CitedReport,
    Cover,
    Explore,
    Interpolate,
    Retrieve,
    SearchFacets,
    SplitQuestion,
    Standalone,
    TitleMentionBoost,
)

sparse = Retrieve(k=100, mode="bm25").writing("sparse")
dense = Retrieve(k=100, mode="dense", fusion="max").writing("dense")

research = workflow(
    "research",
    Standalone()
    >> SplitQuestion(at_most=4)
    >> sparse
    >> dense
    >> Interpolate()
    >> TitleMentionBoost()
    >> Explore()
    >> SearchFacets()
    >> Cover(k=20)
    >> CitedReport(),
    outputs=(Hits,),
)
