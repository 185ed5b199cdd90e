"""Every fix that a fault names is taken here, and then the graph passes."""

from __future__ import annotations

import pytest

from orchestrator import Workflow, workflow
from orchestrator.errors import WorkflowError
from tests.graph.broken_graphs import BROKEN
from tests.graph.corpus.case import Case
from tests.graph.plan import fixes_of_graphs, fixes_of_nodes
from tests.graph.plan.fix import Fix

FIXES = [*fixes_of_nodes.FIXES, *fixes_of_graphs.FIXES]


def checked(build: object, ports: tuple[object, ...] | None) -> None:
    """Build a graph, name it `graph`, and check it."""
    built = build() if callable(build) else build
    graph = built if isinstance(built, Workflow) else workflow("graph", built)
    graph.check(None if ports is None else {port: object() for port in ports})


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{n} {row.advice}") for n, row in enumerate(FIXES)])
def test_a_fix_that_a_fault_names_works(row: Fix) -> None:
    with pytest.raises(WorkflowError) as caught:
        checked(row.before, () if row.ports is not None else None)
    assert row.advice in str(caught.value)
    checked(row.after, row.ports)


@pytest.mark.slow
def test_every_fix_of_the_corpus_is_one_of_those_that_were_tried() -> None:
    untried = {
        str(fault)
        for case in BROKEN.values()
        for fault in faults_of(case)
        if not any(_begins_alike(fault.fix, row.advice) for row in FIXES)
    }
    assert untried == set()


def faults_of(case: Case) -> tuple:
    """What the check says of a graph; nothing if a setting is refused before there is one."""
    try:
        case.check()
    except WorkflowError as error:
        return error.faults
    except case.refused:
        pass
    return ()


def _begins_alike(fix: str, advice: str) -> bool:
    """Whether a fix has the words of an advice, whatever types and names are in it."""
    return words(advice) <= words(fix)


def words(text: str) -> set[str]:
    """The plain words of a text, without names, types and numbers."""
    bare = text.replace("(", " ").replace(":", " ").replace(",", " ").replace(".", " ").replace("`", " ")
    return {word for word in bare.split() if word.isalpha() and word.islower() and len(word) > 2} - OTHERS


#: Names of nodes, parameters and channels that stand in fixes.
OTHERS = frozenset(
    {"hits", "question", "first", "second", "value", "find", "other", "str", "answer", "frist"}
)
