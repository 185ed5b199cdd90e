"""Building the mention graph: a job that reads the names of documents and searches passages for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import (
    DocumentNames,
    IndexVersion,
    Job,
    JobEffects,
    JobScope,
    Ledger,
    MentionCounts,
    RunningJob,
)
from orchestrator.progress import Progress
from orchestrator.types import Principal

#: The family of the jobs of graphs; a scope of it bears the name of an index.
SCOPE = "graph"
#: Passages that are searched in one transaction: it keeps other writers out for less than a second.
AT_ONCE = 5_000


async def build_job(job: Job, names: DocumentNames, running: RunningJob) -> JobEffects:
    """The job that completes the mention graph of the index that its scope names.

    Each step is a transaction: one that was killed goes on where it was, and two builders do no harm.
    """
    while await asyncio.to_thread(names.read_names):
        pass
    left = await asyncio.to_thread(names.search, most=0)
    while left:
        before, left = left, await asyncio.to_thread(names.search, most=AT_ONCE)
        running.count(passages=max(0, before - left))
    counts = await asyncio.to_thread(names.counts)
    return JobEffects.of({"documents": counts.named_documents, "mentions": counts.mentions})


async def build_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    *,
    principal: Principal,
    progress: Progress,
    wait: float = 60.0,
) -> MentionCounts:
    """Submit and run a job that completes the mention graph of an index; a killed one is resumed.

    IndexBusy if another builds it for longer than `wait` seconds.
    """
    scope = JobScope(SCOPE, version.index)
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        await local.there("build", [{}], total=version.passages, doing="")
    return await asyncio.to_thread(ports[DocumentNames].counts)
