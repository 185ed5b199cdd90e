"""Every broken graph of the corpus is refused in one error, and every right one passes."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import WorkflowError
from tests.graph.broken_graphs import BROKEN
from tests.graph.corpus.case import Case, parameters
from tests.graph.right_graphs import RIGHT


@pytest.mark.parametrize("case", parameters(BROKEN))
def test_a_broken_graph_is_refused_in_one_error_that_names_the_fault(case: Case) -> None:
    with pytest.raises(case.refused) as caught:
        case.check()
    error = caught.value
    if isinstance(error, WorkflowError):
        faults: tuple[Any, ...] = error.faults
        about = "\n".join(str(fault) for fault in faults if case.node in fault.node)
        assert all(fault.node and fault.problem and fault.fix for fault in faults), str(error)
    else:
        about = str(error)
        assert error.hint, about
    assert [word for word in case.words if word not in about] == [], str(error)


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("case", parameters(RIGHT))
def test_a_right_graph_passes(case: Case) -> None:
    case.check()


def test_every_broken_graph_says_what_its_fault_must_mention() -> None:
    assert [name for name, case in BROKEN.items() if not any(case.words)] == []


def test_the_corpus_is_large_enough() -> None:
    assert len(BROKEN) >= 150
    assert len(RIGHT) >= 60
