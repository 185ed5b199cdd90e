"""Creates the ASGI application for workflows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from orchestrator import plugins
from orchestrator.application.exposure import Exposure, exposed
from orchestrator.errors import BadInput
from orchestrator.graph.workflow import Workflow
from orchestrator.serving.api.health import warm
from orchestrator.serving.auth import ApiKeys
from orchestrator.serving.endpoint import Endpoint, Provider
from orchestrator.serving.limits.admission import Admission
from orchestrator.serving.limits.body import BodyReader
from orchestrator.serving.limits.event_loop_watchdog import watch_event_loop
from orchestrator.serving.limits.limits import Limits
from orchestrator.serving.wire import errors, openapi
from orchestrator.types import ANONYMOUS, Principal


def create_app(
    application: Provider,
    workflows: Sequence[Workflow],
    *,
    index: str = "default",
    anyone: Principal = ANONYMOUS,
    limits: Limits | None = None,
    exposures: Sequence[Exposure] = (),
) -> FastAPI:
    """Create the ASGI app for some workflows: each is served as a chat model under its name.

    What one gives is shown by the exposure of its type, which `exposures` come before; a slate can be had
    as it is, too, at `/v1/recommendations`.

    With API keys in the settings, every request under `/v1` needs one, and runs as its principal.
    Without, everyone is `anyone`. `limits` are by default those of the settings. Raises
    WorkflowError for a broken workflow, BadInput for one that the endpoint cannot serve.
    """
    named = _by_name(workflows)
    limits = limits or Limits.of(application.settings.serve)
    keys = ApiKeys(application.settings.api_keys, anyone)
    admission = Admission(
        concurrent=limits.concurrent,
        queued=limits.queued,
        patience=limits.patience,
        # Half of the room is always left for the others, where there are any.
        share=max(1, limits.queued // 2) if keys.several else limits.queued,
    )
    endpoint = Endpoint(
        application=application,
        served={name: exposed(each, exposures) for name, each in named.items()},
        index=index,
        keys=keys,
        limits=limits,
        admission=admission,
        created=int(time.time()),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        await warm(endpoint)
        beating = asyncio.ensure_future(watch_event_loop())
        yield
        beating.cancel()
        admission.stop()

    app = FastAPI(
        title="orchestrator",
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.endpoint = endpoint
    errors.install(app)
    app.add_middleware(BodyReader, admit=keys.caller, limit=limits.body, seconds=limits.arrival)
    for found, router in plugins.usable(plugins.ROUTES):
        if isinstance(router, APIRouter):
            app.include_router(router)
        else:
            plugins.log.warning("%s", plugins.broken(found, "it is no fastapi.APIRouter"))
    openapi.install(app, keys_required=keys.required)
    return app


def endpoint_of(app: FastAPI) -> Endpoint:
    """The shared state of an app's routes."""
    return app.state.endpoint


def _by_name(workflows: Sequence[Workflow]) -> dict[str, Workflow]:
    if not workflows:
        raise BadInput("No workflow was given to serve.", hint="Name one, for example: chat.")
    served: dict[str, Workflow] = {}
    for given in workflows:
        if given.name in served:
            raise BadInput(f"Two workflows are named {given.name!r}.", hint="Rename one of them.")
        served[given.name] = given
    return served
