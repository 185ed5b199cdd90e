"""Research: a report on a question, a section an aspect, every statement cited.

The question is searched, its aspects are named (by a language model, or from what was found), each aspect
is searched, and passages are chosen that cover all of them. In an experiment, it is scored by that choice.
"""

from orchestrator import Hits, workflow
from orchestrator.nodes import CitedReport, Cover, Explore, Retrieve, SearchFacets, Standalone

research = workflow(
    "research",
    Standalone() >> Retrieve(k=100) >> Explore() >> SearchFacets() >> Cover() >> CitedReport(),
    outputs=(Hits,),
)
