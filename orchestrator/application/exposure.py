"""Exposure: which inputs a workflow accepts from outside, and how its result is shown.

Each type that a workflow can end in has one `Exposure`: those below, or the one that a type brings along
with a class method `exposure`. The command line and the endpoint show a workflow by it, so that whatever a
workflow gives can be asked for in a chat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.graph.channel import Channel, type_name
from orchestrator.graph.node import Node
from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.nodes.answer.hit_list_answer import HitListAnswer
from orchestrator.nodes.recommend.slate import SlateAnswer
from orchestrator.types import Answer, History, Hits, Question, Slate


def _itself(question: Question) -> Question:
    return question


def _of_asker(question: Question) -> History:
    return History(user=question.principal.name)


#: What a workflow may start from, each made from a question: the history is that of whoever asks.
INPUTS: Mapping[type, Callable[[Question], Any]] = {Question: _itself, History: _of_asker}


@dataclass(frozen=True)
class Exposure:
    """How workflows with one type of result accept input and show it.

    `accepts` is the type that they end in. `inputs` are the types that they may start from, each with
    what makes it from the question of a chat. `render` is a node that reads the value and returns an
    `Answer`, a text with citations; None where the value is one. The run is kept with this answer, so that
    its citations, with their labels, decide who may read it back.
    """

    accepts: type
    inputs: Mapping[type, Callable[[Question], Any]] = field(default_factory=lambda: INPUTS)
    render: Node | None = None


#: Of the types that the library brings.
EXPOSURES: tuple[Exposure, ...] = (
    Exposure(Answer),
    Exposure(Hits, render=HitListAnswer()),
    Exposure(Slate, render=SlateAnswer()),
)


@dataclass(frozen=True)
class Exposed:
    """A workflow with its exposure. `answering` is the workflow, continued until it ends in an answer."""

    workflow: Workflow
    exposure: Exposure
    answering: Workflow

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.name

    def inputs(self, question: Question, *given: Any) -> tuple[Any, ...]:
        """The inputs of the workflow: for each type the value `given`, or one made from the question."""
        named: dict[type, Any] = {type(value): value for value in given}
        return tuple(
            named[each] if each in named else self.exposure.inputs[each](question)
            for each in self.workflow.inputs
        )


def exposed(given: Workflow, exposures: Iterable[Exposure] = ()) -> Exposed:
    """A workflow as it is shown; `exposures` come before those of its type and of the library.

    Raises WorkflowError for a broken one, BadInput for one from or to what no exposure knows.
    """
    given.check()
    channels = given.output_channels
    last = channels[-1] if channels else None
    exposure = exposure_of(last.type, exposures) if last is not None else None
    if last is None or exposure is None or not {*given.inputs} <= {*exposure.inputs}:
        raise _unknown(given, last, exposure)
    return Exposed(given, exposure, _answering(given, last, exposure))


def exposure_of(tp: Any, exposures: Iterable[Exposure] = ()) -> Exposure | None:
    """The exposure of a type; None if there is none."""
    found = next((each for each in exposures if each.accepts is tp), None)
    if found is None and callable(own := getattr(tp, "exposure", None)):
        brought = own()
        found = brought if isinstance(brought, Exposure) else None
    return found or next((each for each in EXPOSURES if each.accepts is tp), None)


def output_types(workflows: Iterable[Exposed]) -> list[Any]:
    """The types that runs may have ended in: those of the library, and those of these workflows."""
    channels = [channel for each in workflows for channel in each.workflow.output_channels]
    return [*(each.accepts for each in EXPOSURES), *(channel.type for channel in channels)]


def _answering(given: Workflow, last: Channel, exposure: Exposure) -> Workflow:
    render = exposure.render
    if render is None:
        return given
    if last.name:
        reads = render.signature.reads
        render = render.reading(
            **{each.parameter: last.name for each in reads if each.channel.type == last.type}
        )
    continued = workflow(given.name, given >> render, inputs=given.inputs)
    continued.check()
    return continued


def _unknown(given: Workflow, last: Channel | None, exposure: Exposure | None) -> BadInput:
    begins = ", ".join(map(type_name, given.inputs)) or "nothing"
    inputs = [type_name(each) for each in (exposure.inputs if exposure else INPUTS)]
    types = [type_name(each.accepts) for each in EXPOSURES]
    return BadInput(
        f"The workflow {given.name!r} goes from {begins} to {last or 'nothing'}; one that can be asked goes "
        f"from {' and '.join(inputs)}, or one of them, to {', '.join(types[:-1])} or {types[-1]}.",
        hint="End it with a node that writes one of them, or give its own type a class method `exposure`.",
    )
