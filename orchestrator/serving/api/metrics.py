"""`/metrics`: how many jobs there are, wait and for how long, for Prometheus; for operators."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import get_args

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from orchestrator.jobs.job_view import SILENT, queues
from orchestrator.ports import Clock, JobState, Ledger
from orchestrator.serving.endpoint import Operator, Served
from orchestrator.serving.wire.openapi import failures_of_text

router = APIRouter(tags=["metrics"], responses=failures_of_text(401, 403, 500, 503))


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(endpoint: Served, operator: Operator) -> PlainTextResponse:
    """Jobs by state, depth and oldest age of what waits by kind, and workers that give signs."""
    ports = endpoint.ports()
    ledger, clock = ports[Ledger], ports[Clock]
    assert isinstance(ledger, Ledger)
    assert isinstance(clock, Clock)
    lines = await asyncio.to_thread(lambda: list(_lines(ledger, clock.now())))
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _lines(ledger: Ledger, now: float) -> Iterator[str]:
    states = ledger.counts()
    yield "# HELP orchestrator_jobs Background jobs by state."
    yield "# TYPE orchestrator_jobs gauge"
    for state in get_args(JobState):
        yield f'orchestrator_jobs{{state="{state}"}} {states.get(state, 0)}'
    waiting = queues(ledger, now)
    yield "# HELP orchestrator_jobs_waiting Jobs that wait, by kind."
    yield "# TYPE orchestrator_jobs_waiting gauge"
    for name, (number, _) in waiting.items():
        yield f'orchestrator_jobs_waiting{{kind="{name}"}} {number}'
    yield "# HELP orchestrator_jobs_oldest_seconds Seconds that the oldest waiting job of a kind has waited."
    yield "# TYPE orchestrator_jobs_oldest_seconds gauge"
    for name, (_, oldest) in waiting.items():
        yield f'orchestrator_jobs_oldest_seconds{{kind="{name}"}} {oldest:.1f}'
    yield "# HELP orchestrator_workers Workers that gave a sign within a minute."
    yield "# TYPE orchestrator_workers gauge"
    yield f"orchestrator_workers {sum(now - worker.seen <= SILENT for worker in ledger.workers())}"
