"""For people in scripts and notebooks: runs without a loop, and what can be pickled and copied."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

import orchestrator.errors
from orchestrator import ANONYMOUS, Answer, Application, Question, each, fuse, node, repeat, route, workflow
from orchestrator.errors import (
    BadInput,
    ModelError,
    ModelOverloaded,
    NodeError,
    OrchestratorError,
    WorkflowError,
)
from orchestrator.graph.workflow import Workflow
from orchestrator.settings import Settings
from orchestrator.types import Facets, Usage
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)
WORKFLOW = workflow("w", f.find(2) >> f.answer)
ANSWER = Answer("ask: ask-0,ask-1")


def test_a_script_runs_a_workflow() -> None:
    for _ in range(2):
        assert WORKFLOW.run_sync(QUESTION, ports={}).answer == ANSWER


@pytest.mark.slow
def test_a_script_runs_an_application_again_and_again(tmp_path: Path) -> None:
    with Application(Settings(home=tmp_path)) as application:
        for _ in range(2):
            assert application.run_sync(WORKFLOW, "ask").answer == ANSWER
        kept = application.run_sync(WORKFLOW, "ask", durability="step")
        assert kept.answer == ANSWER


def test_an_application_that_was_not_used_is_closed_too(tmp_path: Path) -> None:
    with Application(Settings(home=tmp_path)):
        pass


async def test_where_a_loop_runs_it_says_what_to_await(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"`run_sync` cannot be called .* Write `await …\.run\(…\)`\."):
        WORKFLOW.run_sync(QUESTION, ports={})
    application = Application(Settings(home=tmp_path))
    with pytest.raises(BadInput, match="run_sync"):
        application.run_sync(WORKFLOW, "ask")
    assert (await application.run(WORKFLOW, "ask")).answer == ANSWER
    await application.close()
    with pytest.raises(BadInput, match="ainvoke"):
        WORKFLOW.langgraph.invoke({"Question": QUESTION})


def test_a_notebook_awaits_in_a_loop_that_goes_on_between_its_cells() -> None:
    loop = asyncio.new_event_loop()
    try:
        for _ in range(3):
            assert loop.run_until_complete(WORKFLOW.run(QUESTION, ports={})).answer == ANSWER
    finally:
        loop.close()


def test_the_langgraph_graph_can_be_invoked_in_a_script() -> None:
    assert WORKFLOW.langgraph.invoke({"Question": QUESTION})["Answer"] == ANSWER
    assert WORKFLOW.langgraph.with_config(tags=["mine"]).invoke({"Question": QUESTION})["Answer"] == ANSWER
    with pytest.raises(BadInput, match="astream"):
        WORKFLOW.langgraph.stream({"Question": QUESTION})


def again(value: Any) -> list[Any]:
    """A value pickled, copied and copied through and through."""
    return [pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)]


ERRORS = [
    cls
    for cls in vars(orchestrator.errors).values()
    if inspect.isclass(cls) and issubclass(cls, OrchestratorError) and cls is not WorkflowError
]


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_can_be_pickled_and_copied(cls: type[OrchestratorError]) -> None:
    error = cls("A message.", hint="A hint.")
    error.node, error.run_id, error.spent = "node", "run", Usage(1, 2, 3)
    for other in again(error):
        assert type(other) is cls
        assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))


def test_errors_with_constructors_of_their_own_too() -> None:
    with pytest.raises(WorkflowError) as broken:
        workflow("w", f.answer).check()
    for other in again(broken.value):
        assert (str(other), other.faults) == (str(broken.value), broken.value.faults)
    for other in again(ModelOverloaded("Busy.", retry_after=2.4)):
        assert other.retry_after == 2


async def test_an_error_of_a_run_can_be_pickled() -> None:
    @node
    async def fails(question: Question) -> Answer:
        raise ModelError("No.", hint="Ask another.")

    with pytest.raises(NodeError) as wrapped:
        await workflow("w", broken).run(QUESTION, ports={})
    assert str(pickle.loads(pickle.dumps(wrapped.value))) == str(wrapped.value)
    with pytest.raises(ModelError) as kept:
        await workflow("w", fails).run(QUESTION, ports={})
    assert str(pickle.loads(pickle.dumps(kept.value))) == str(kept.value)


@node
async def broken(question: Question) -> Answer:
    """Fails."""
    raise ValueError("no")


async def chosen(question: Question) -> bool:
    """A selector that is a plain function."""
    return True


@pytest.mark.parametrize(
    "composed",
    [
        f.find, f.find(k=5), f.Shout(times=3), f.find.named("x").reading(question="q").within(timeout=2),
        f.find >> f.answer, fuse(f.find | f.find_other, by=f.rank_fusion), each(f.find_facet, over=Facets),
        route({True: f.find, False: None}, by=chosen), repeat(f.draft, until=f.long_enough, at_most=3),
        WORKFLOW, workflow("outer", WORKFLOW),
    ],
    ids=lambda composed: type(composed).__name__,
)  # fmt: skip
def test_nodes_and_what_is_composed_of_them_can_be_pickled_and_copied(composed: Any) -> None:
    if isinstance(composed, Workflow):
        composed.run_sync(QUESTION, ports={})  # what was computed from it is not what it is
    for other in again(composed):
        assert other == composed
        assert hash(other) == hash(composed)
        if isinstance(other, Workflow):
            assert other.fingerprint == composed.fingerprint
            assert other.run_sync(QUESTION, ports={}).answer == ANSWER


def test_a_node_of_a_function_within_another_can_be_copied() -> None:
    @node
    async def local(question: Question) -> Answer:
        return Answer("local")

    assert copy.deepcopy(local) == copy.copy(local) == local
