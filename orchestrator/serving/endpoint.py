"""What the routes share: the workflows, whose ports they run on, who may ask, and how much at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from orchestrator.errors import UnknownWorkflow
from orchestrator.graph.workflow import Workflow
from orchestrator.serving.auth import ApiKeys
from orchestrator.serving.limits.admission import Admission
from orchestrator.serving.limits.limits import Limits
from orchestrator.settings import Serve
from orchestrator.types import Principal


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
    """One served application: workflows that answer, and those that offer items.

    `created` is in seconds since the epoch.
    """

    application: Provider
    workflows: Mapping[str, Workflow]
    recommenders: Mapping[str, Workflow]
    index: str
    keys: ApiKeys
    limits: Limits
    admission: Admission
    created: int

    def workflow(self, model: str) -> Workflow:
        """The workflow that a chat names as its model; UnknownWorkflow lists those there are."""
        if model in self.recommenders:
            raise UnknownWorkflow(
                f"{model!r} offers items, and does not chat.", hint="Ask it at POST /v1/recommendations."
            )
        return _named(self.workflows, model)

    def recommender(self, model: str) -> Workflow:
        """The workflow of items that a request names as its model; UnknownWorkflow lists those there are."""
        return _named(self.recommenders, model)

    def ports(self) -> Mapping[type, object]:
        """The ports of the served index."""
        return self.application.ports(self.index)


def _named(workflows: Mapping[str, Workflow], model: str) -> Workflow:
    try:
        return workflows[model]
    except KeyError:
        names = f"Models: {', '.join(sorted(workflows))}." if workflows else "None is served here."
        raise UnknownWorkflow(f"There is no model {model!r}.", hint=names) from None


async def _endpoint(request: Request) -> Endpoint:
    return request.app.state.endpoint


Served = Annotated[Endpoint, Depends(_endpoint)]


async def _asker(request: Request, endpoint: Served) -> Principal:
    return endpoint.keys.principal(request)


#: The principal of a request; a route that takes it is closed to those without one.
Asker = Annotated[Principal, Depends(_asker)]
