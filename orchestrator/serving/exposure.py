"""What a workflow is for: to answer a question with a text and citations, or to offer items for a history."""

from __future__ import annotations

from orchestrator.errors import BadInput
from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.nodes.answer.hit_list_answer import HitListAnswer
from orchestrator.types import Answer, History, Hits, Question, Slate


def offers(given: Workflow) -> bool:
    """Whether a workflow goes from a question and a history to a slate. WorkflowError for a broken one."""
    given.check()
    channels = given.output_channels
    return {*given.inputs} == {Question, History} and bool(channels) and channels[-1].type is Slate


def answering(given: Workflow) -> Workflow:
    """The workflow, ending in an answer: one that ends in hits is continued by a list of them.

    Raises WorkflowError for a broken one, BadInput for one from or to something else.
    """
    slate = offers(given)
    channels = given.output_channels
    last = channels[-1] if channels else None
    if given.inputs != (Question,) or last is None or last.type not in (Answer, Hits):
        begins = ", ".join(getattr(each, "__name__", str(each)) for each in given.inputs)
        # A workflow of items is asked otherwise, not written otherwise.
        hint = (
            f"It offers items: `orchestrator serve {given.name}` takes histories at "
            "POST /v1/recommendations; `orchestrator recommend top` ranks here; `shop` answers in a chat."
            if slate
            else "End it with a node that writes one of them."
        )
        raise BadInput(
            f"The workflow {given.name!r} goes from {begins} to {last or 'nothing'}; "
            "one that answers goes from Question to Answer or Hits.",
            hint=hint,
        )
    if last.type is Answer:
        return given
    listing = HitListAnswer().reading(hits=last.name) if last.name else HitListAnswer()
    continued = workflow(given.name, given >> listing)
    continued.check()
    return continued
