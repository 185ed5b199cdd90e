"""`/healthz`: the process answers. `/readyz`: it can do its work. Neither needs a key or tells more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from orchestrator.ports import Embedder, Lexical, Runs, VectorStore
from orchestrator.serving.endpoint import Endpoint, Served
from orchestrator.serving.wire.errors import log
from orchestrator.types import ANONYMOUS, NOBODY

router = APIRouter(tags=["health"])

#: Seconds that each check may take.
PATIENCE = 5.0


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={503: {"description": "It cannot do its work now."}})
async def readyz(endpoint: Served) -> JSONResponse:
    """The index can be searched, the database read, and requests are taken; 503 otherwise."""
    checks = {"index": _index, "database": _database, "server": _server}
    results = await asyncio.gather(*(_passes(check, endpoint) for check in checks.items()))
    passed = dict(zip(checks, results, strict=True))
    ready = all(results)
    return JSONResponse(
        {
            "status": "ready" if ready else "not ready",
            "checks": {name: "ok" if ok else "failed" for name, ok in passed.items()},
        },
        status_code=200 if ready else 503,
        headers={} if ready else {"Retry-After": "5"},
    )


async def warm(endpoint: Endpoint) -> None:
    """Load what loads when it is first used, so that the first question waits for nothing."""
    ports, durability = endpoint.ports(), endpoint.limits.durability
    runs = ports.get(Runs)
    for each in endpoint.recommenders.values():
        # A slate is asked for again, and not resumed.
        _ = each.workflow.direct_runner
    for each in endpoint.served.values():
        if durability == "none":
            _ = each.answering.direct_runner
        elif isinstance(runs, Runs):
            saver = runs.saver(each.answering.serializer)
            each.answering.compiled(lines=durability == "exit", checkpointer=saver)
    await _passes(("index", _index), endpoint)
    await _passes(("embedder", _embedder), endpoint)


async def _passes(check: tuple[str, Callable[[Endpoint], Awaitable[None]]], endpoint: Endpoint) -> bool:
    name, works = check
    try:
        async with asyncio.timeout(PATIENCE):
            await works(endpoint)
    except Exception as error:
        # Whoever may ask this has not said who they are: the reason is for the log alone.
        log.warning("Not ready, %s: %s", name, error)
        return False
    return True


async def _index(endpoint: Endpoint) -> None:
    store = endpoint.ports().get(VectorStore)
    if isinstance(store, VectorStore):
        await store.search([Lexical("ready")], principal=ANONYMOUS, limit=1)


async def _embedder(endpoint: Endpoint) -> None:
    # Not `isinstance`: it would ask a server for its name.
    embedder = cast("Embedder | None", endpoint.ports().get(Embedder))
    if embedder is not None:
        await embedder.embed(["ready"], kind="query")


async def _database(endpoint: Endpoint) -> None:
    runs = endpoint.ports().get(Runs)
    if isinstance(runs, Runs):
        await runs.read("ready", principal=NOBODY)


async def _server(endpoint: Endpoint) -> None:
    endpoint.admission.check_open()
