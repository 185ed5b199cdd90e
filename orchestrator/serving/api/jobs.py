"""`/v1/jobs`: background jobs, for operators."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from orchestrator.jobs.job_view import JobView, job_view, job_views
from orchestrator.ports import Clock, JobState, Ledger
from orchestrator.serving.endpoint import Endpoint, Operator, Served
from orchestrator.serving.wire.openapi import COMMON

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=COMMON)


class JobCost(BaseModel):
    """What a job and its parts spent on models so far."""

    calls: int
    prompt_tokens: int
    completion_tokens: int


class JobReply(BaseModel):
    """A job; see `orchestrator.jobs.job_view.JobView` for its fields."""

    id: int
    object: Literal["job"] = "job"
    kind: str
    scope: dict[str, str]
    state: JobState
    attempt: int
    worker: str | None
    order: int | None
    created: float
    started: float | None
    beat: float | None
    seconds: float
    doing: str
    done: int
    total: int
    rate: float
    left: float | None
    cost: JobCost
    reason: str | None

    @classmethod
    def of(cls, view: JobView) -> JobReply:
        """A job as it is sent."""
        return cls.model_validate(view.plain())


class JobList(BaseModel):
    """Jobs in the order of their submission."""

    object: Literal["list"] = "list"
    data: list[JobReply]


@router.get("")
async def jobs(
    endpoint: Served,
    operator: Operator,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in these states.")] = None,
    last: Annotated[int, Query(ge=1, le=1000, description="The newest so many.")] = 100,
    parts: Annotated[bool, Query(description="Parts of jobs as well.")] = False,
) -> JobList:
    """Background jobs: state, progress, rate, cost so far, time left, and why one failed."""
    ledger, now = _ledger(endpoint)
    views = await asyncio.to_thread(job_views, ledger, now, states=tuple(state or ()), parts=parts, last=last)
    return JobList(data=[JobReply.of(view) for view in views])


@router.get("/{job_id}")
async def job(job_id: Annotated[int, Path(ge=1, lt=2**63)], endpoint: Served, operator: Operator) -> JobReply:
    """One of them."""
    ledger, now = _ledger(endpoint)

    def found() -> JobView:
        return job_view(ledger, ledger.job(job_id), now)

    return JobReply.of(await asyncio.to_thread(found))


def _ledger(endpoint: Endpoint) -> tuple[Any, float]:
    ports = endpoint.ports()
    clock = ports[Clock]
    assert isinstance(clock, Clock)
    return ports[Ledger], clock.now()
