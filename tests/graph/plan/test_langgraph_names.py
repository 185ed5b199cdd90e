"""Nothing that the check lets pass fails later in LangGraph, and the check does not import it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from langgraph._internal import _constants
from langgraph.constants import END, START

from orchestrator import Workflow, workflow
from orchestrator.graph.names import LANGGRAPH_NAMES, SEPARATORS, name_problem
from tests.graph.corpus.case import Case
from tests.graph.right_graphs import RIGHT


def built(case: Case) -> Workflow:
    """The workflow of a case."""
    graph = case.build()
    return graph if isinstance(graph, Workflow) else workflow("graph", graph)


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in RIGHT.items()])
def test_a_right_graph_is_compiled_by_langgraph(case: Case) -> None:
    assert built(case).compiled(lines=False) is not None


def test_the_names_that_langgraph_keeps_for_itself_are_known() -> None:
    kept = {name for name in (*_constants.RESERVED, START, END) if not set(name) & set(SEPARATORS)}
    assert [name for name in kept if name_problem("node", name) is None] == []
    assert {_constants.NS_SEP, _constants.NS_END} == set(SEPARATORS)
    assert {START, END} <= LANGGRAPH_NAMES


@pytest.mark.slow
def test_checking_does_not_import_langgraph() -> None:
    program = (
        "import sys; from tests.graph.right_graphs import RIGHT\n"
        "for case in RIGHT.values(): case.check()\n"
        "assert 'langgraph' not in sys.modules, 'imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
