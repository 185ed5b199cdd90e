"""Extraction as a job: submitted here or by a command, killed and gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.knowledge.extraction import ExtractionReport, extract_all, extractor
from orchestrator.knowledge.schema import GraphSchema
from orchestrator.ports import (
    IndexVersion,
    Job,
    JobEffects,
    JobScope,
    KnowledgeStore,
    LanguageModel,
    Ledger,
    RunningJob,
)
from orchestrator.progress import Progress
from orchestrator.types import Principal

#: The family of these jobs; a scope of it bears the name of an index.
SCOPE = "knowledge"


async def extract_job(
    job: Job, store: KnowledgeStore, model: LanguageModel, running: RunningJob
) -> JobEffects:
    """The job that extracts from the passages of an index; `schema` is a file, `extractor` a name."""
    before = 0

    def progress(done: int, total: int, doing: str) -> None:
        nonlocal before
        running.count(passages=done - before)
        before = done

    schema = GraphSchema.of_file(Path(job.payload["schema"]))
    made_by = extractor(job.payload["extractor"], schema, model)
    return JobEffects.of(asdict(await extract_all(store, made_by, progress=progress)))


async def extract_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    schema: str,
    *,
    extractor: str,
    principal: Principal,
    progress: Progress,
    wait: float = 60.0,
) -> ExtractionReport:
    """Submit and run the job in this process; `schema` is the whole path of a file.

    IndexBusy if another process extracts for longer than `wait`.
    """
    scope = JobScope(SCOPE, version.index)
    payload = {"schema": schema, "extractor": extractor}
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        (job,) = await local.there("extract", [payload], total=version.passages, doing="")
    return ExtractionReport(**dict(job.effects or {}))
