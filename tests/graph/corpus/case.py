"""One graph of the corpus, and what the check must say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from orchestrator import Workflow, workflow
from orchestrator.errors import OrchestratorError, WorkflowError


@dataclass(frozen=True)
class Case:
    """A graph that is built when it is tested.

    `words` must stand in what the check says, about the node `node` if one is named. `ports` are those
    that the application provides; None checks without ports. `refused` is the error of a broken graph:
    `BadInput` where a setting is refused as soon as it is given, before there is a graph.
    """

    build: Callable[[], object]
    words: tuple[str, ...] = ()
    node: str = ""
    ports: tuple[object, ...] | None = None
    refused: type[OrchestratorError] = WorkflowError

    def check(self) -> None:
        """Build the graph and check it."""
        built = self.build()
        graph = built if isinstance(built, Workflow) else workflow("graph", built)
        graph.check(None if self.ports is None else {port: object() for port in self.ports})


class Cases(dict[str, Case]):
    """Graphs of one kind, by name."""

    def add(
        self,
        name: str,
        build: Callable[[], object],
        *words: str,
        node: str = "",
        ports: tuple[object, ...] | None = None,
        refused: type[OrchestratorError] = WorkflowError,
    ) -> None:
        """Take one graph in; a name is given once."""
        if name in self:
            raise ValueError(f"The corpus has two graphs named {name!r}.")
        self[name] = Case(build, words, node, ports, refused)


def joined(kinds: Iterable[Cases]) -> Cases:
    """The graphs of all kinds; a name is given once in all of them."""
    everything = Cases()
    for cases in kinds:
        for name, case in cases.items():
            if name in everything:
                raise ValueError(f"The corpus has two graphs named {name!r}.")
            everything[name] = case
    return everything


#: Of so many graphs in the order of their kinds, one is checked by the quick tests, and all by CI.
ONE_OF = 6


def parameters(cases: Cases) -> list[object]:
    """A parameter a graph, by its name; all but one of a few are slow."""
    return [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if number % ONE_OF else [])
        for number, (name, case) in enumerate(cases.items())
    ]
