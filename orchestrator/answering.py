"""Workflows that answer a question: the chat endpoint and the command line want a text with citations."""

from __future__ import annotations

from orchestrator.errors import BadInput
from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.nodes.listing import Listing
from orchestrator.types import Answer, History, Hits, Question, Slate


def answering(given: Workflow) -> Workflow:
    """The workflow, ending in an answer: one that ends in hits is continued by a list of them.

    Raises WorkflowError for a broken one, BadInput for one from or to something else.
    """
    given.check()
    channels = given.output_channels
    last = channels[-1] if channels else None
    if given.inputs != (Question,) or last is None or last.type not in (Answer, Hits):
        begins = ", ".join(getattr(each, "__name__", str(each)) for each in given.inputs)
        # A workflow of items is asked otherwise, not written otherwise.
        hint = (
            "Recommendations are asked for by `orchestrator recommend top`, or at POST /v1/recommendations "
            "of any `orchestrator serve`; `shop` answers in a chat."
            if History in given.inputs and last is not None and last.type is Slate
            else "End it with a node that writes one of them."
        )
        raise BadInput(
            f"The workflow {given.name!r} goes from {begins} to {last or 'nothing'}; "
            "one that answers goes from Question to Answer or Hits.",
            hint=hint,
        )
    if last.type is Answer:
        return given
    listing = Listing().reading(hits=last.name) if last.name else Listing()
    continued = workflow(given.name, given >> listing)
    continued.check()
    return continued
