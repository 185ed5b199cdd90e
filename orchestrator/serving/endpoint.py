"""The state that the routes share: workflows, ports, callers and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from orchestrator.application.exposure import Exposed
from orchestrator.application.served_run import ServedRun
from orchestrator.budget import Budget
from orchestrator.errors import UnknownWorkflow
from orchestrator.graph.run.runner import Durability
from orchestrator.graph.workflow import Workflow
from orchestrator.serving.auth import ApiKeys, Caller
from orchestrator.serving.limits.admission import Admission
from orchestrator.serving.limits.limits import Limits
from orchestrator.serving.wire.errors import NotAnOperator
from orchestrator.settings import Serve
from orchestrator.types import Message, Principal, Slate

#: The grant of those who operate the server, and may see what concerns all of it.
OPERATOR = "operator"


class Configured(Protocol):
    """The settings that the endpoint reads."""

    @property
    def api_keys(self) -> Mapping[str, Principal]: ...

    @property
    def serve(self) -> Serve: ...


class Provider(Protocol):
    """What the endpoint needs of an application: its settings, and the ports of an index."""

    @property
    def settings(self) -> Configured: ...

    def ports(self, index: str | None = None) -> Mapping[type, object]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One served application, with its workflows by name. `created` is in seconds since the epoch."""

    application: Provider
    served: Mapping[str, Exposed]
    index: str
    keys: ApiKeys
    limits: Limits
    admission: Admission
    created: int

    def workflow(self, model: str) -> Exposed:
        """The workflow that a request names as its model; UnknownWorkflow lists those there are."""
        return _named(self.served, model)

    def recommender(self, model: str) -> Exposed:
        """The workflow that ends in a slate of this name; UnknownWorkflow lists those there are."""
        return _named(self.recommenders, model)

    @property
    def recommenders(self) -> Mapping[str, Exposed]:
        """The workflows that end in a slate."""
        return {name: each for name, each in self.served.items() if each.exposure.accepts is Slate}

    @property
    def recognises_tasks(self) -> bool:
        """Whether task requests of chat front ends are told from questions."""
        return self.application.settings.serve.task_requests

    def ports(self) -> Mapping[type, object]:
        """The ports of the served index."""
        return self.application.ports(self.index)

    def run(
        self,
        workflow: Workflow,
        inputs: tuple[Any, ...],
        caller: Caller,
        *,
        ports: Mapping[type, object] | None = None,
        durability: Durability | None = None,
        earlier: tuple[Message, ...] = (),
    ) -> ServedRun:
        """The run of a request: it waits for its caller's turn, and has the time that the limits give.

        A route that runs something runs it by this. `ports` are by default those of the served index,
        `durability` that of the limits.
        """
        return ServedRun(
            workflow,
            inputs,
            caller.principal,
            self.ports() if ports is None else ports,
            caller.key,
            self.admission,
            Budget(seconds=self.limits.deadline),
            durability or self.limits.durability,
            earlier,
        )


def _named(workflows: Mapping[str, Exposed], model: str) -> Exposed:
    try:
        return workflows[model]
    except KeyError:
        names = f"Models: {', '.join(sorted(workflows))}." if workflows else "None is served here."
        raise UnknownWorkflow(f"There is no model {model!r}.", hint=names) from None


async def _endpoint(request: Request) -> Endpoint:
    return request.app.state.endpoint


Served = Annotated[Endpoint, Depends(_endpoint)]

#: Names the scheme in the OpenAPI document; that a key is right is for ApiKeys to say.
_BEARER = HTTPBearer(
    scheme_name="apiKey", auto_error=False, description="An API key of the server's settings."
)


async def _asker(
    request: Request,
    endpoint: Served,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    return endpoint.keys.caller(request)


async def _operator(endpoint: Served, asker: Annotated[Caller, Depends(_asker)]) -> Caller:
    if endpoint.keys.required and OPERATOR not in asker.principal.grants:
        raise NotAnOperator(
            "This API key does not operate the server.",
            hint=f"Give its principal the grant {OPERATOR!r} in the settings.",
        )
    return asker


#: An operator of the server: whose principal has the grant `OPERATOR`, or anyone where no keys are needed.
Operator = Annotated[Caller, Depends(_operator)]
#: Who sent a request; a route that takes it is closed to those who may not ask.
Asker = Annotated[Caller, Depends(_asker)]
