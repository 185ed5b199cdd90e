"""The registry of job handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator import plugins
from orchestrator.errors import BadInput
from orchestrator.graph.algebra import Expression
from orchestrator.graph.node import node
from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.ports import Job

#: What does a job: a typed function, or a node that was made of one and given its settings.
Handler = Callable[..., Any] | Expression


class JobHandlers:
    """Handlers by name: the kind of the job's scope, a dot, and the job's kind, such as `index.read`.

    A handler is a function with the contract of a node: parameters annotated with a port are injected
    (`RunningJob` too), one annotated `Job` is given the job, one annotated `Run` the run; keyword-only
    parameters are settings. It returns `JobEffects`, or None if it finished the job itself, as a
    publication does. It is run as a workflow of one node, under a budget, with a trace, cancellation and
    the tenant's model. What is not `given` is looked for among the entry points of `orchestrator.jobs`, where
    the library's own are too, once it is needed.
    """

    def __init__(self, given: Mapping[str, Handler] | None = None) -> None:
        self._given = dict(given or {})
        self._made: dict[str, Workflow] = {}

    def handler(self, job: Job) -> Workflow:
        """The handler of a job; BadInput if none is registered."""
        name = f"{job.scope.kind}.{job.kind}"
        if name not in self._made:
            self._made[name] = _workflow(name, self._found(name))
        return self._made[name]

    def _found(self, name: str) -> Handler:
        if name in self._given:
            return self._given[name]
        found = plugins.plugin(plugins.JOBS, name)
        if found is None:
            known = ", ".join(sorted({*self._given, *plugins.plugins(plugins.JOBS)})) or "none"
            raise BadInput(
                f"Nothing does jobs of the kind {name!r}; there are: {known}.",
                hint=f"Register a function as an entry point of the group {plugins.JOBS!r}.",
            )
        return found.load()


def _workflow(name: str, handler: Handler) -> Workflow:
    made = workflow(name, handler if isinstance(handler, Expression) else node(handler), inputs=(Job,))
    made.check()
    return made
