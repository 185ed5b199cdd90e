"""Entity resolution as a job: each merge is an entry of the journal, so that a killed one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from orchestrator.graph.run_context import Run
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.knowledge.extraction_jobs import SCOPE
from orchestrator.knowledge.resolution import MergeTest, merge_all
from orchestrator.ports import IndexVersion, Job, JobEffects, JobScope, KnowledgeStore, Ledger
from orchestrator.progress import Progress
from orchestrator.types import Principal


async def resolve_job(job: Job, store: KnowledgeStore, run: Run) -> JobEffects:
    """The job that merges the entities of a graph that are likely one, as far as its principal reads them.

    `alone` and `beside` are those of the `MergeTest`. One that was stopped proposes again what is left.
    """
    made = await merge_all(store, run.principal, test=MergeTest(**job.payload))
    return JobEffects.of({"merges": [edit.number for edit in made]})


async def resolve_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    test: MergeTest,
    *,
    principal: Principal,
    progress: Progress,
    wait: float = 60.0,
) -> list[int]:
    """Submit and run the job in this process; the numbers of its entries in the journal.

    IndexBusy if another process extracts or resolves for longer than `wait`.
    """
    scope = JobScope(SCOPE, version.index)
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        (job,) = await local.there("resolve", [asdict(test)], total=0, doing="")
    return [int(number) for number in dict(job.effects or {})["merges"]]
