"""Changes of an index as jobs for any worker: each plans its parts, and has them done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrator.indexing.files import resolve_root
from orchestrator.indexing.index_plan import canonical
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.locations import RemotePath, location
from orchestrator.ports import Job, JobEffects, RunningJob
from orchestrator.types import DEFAULT_TENANT


@runtime_checkable
class IndexerSource(Protocol):
    """Gives a job that plans others the indexer of the index that its scope names."""

    def indexer(
        self, job: Job, running: RunningJob, *, rebuild: bool = False
    ) -> AbstractAsyncContextManager[Indexer]:
        """An indexer whose jobs are parts of this one; `rebuild` takes the embedder that is configured now.

        What an earlier attempt at the job left undone is finished before it is given.
        """
        ...


def add_payload(
    roots: Sequence[str | Path], labels: Sequence[str] | None = None, tenant: str = DEFAULT_TENANT
) -> dict[str, Any]:
    """What a job that adds folders and files is given; BadInput if one of this host is missing.

    Every worker must find them under the same paths or URLs. URLs are looked up by the job.
    """
    return {
        "roots": [
            str(root if isinstance(location(root), RemotePath) else resolve_root(root)) for root in roots
        ],
        "labels": None if labels is None else list(canonical(labels)),
        "tenant": tenant,
    }


def remove_payload(what: Sequence[str]) -> dict[str, Any]:
    """What a job that removes roots, files or documents is given: a path that there is, from the root on."""
    paths = [(Path(each).expanduser(), each) for each in what]
    return {"what": [str(path.absolute()) if path.exists() else each for path, each in paths]}


async def add_order(job: Job, source: IndexerSource, running: RunningJob) -> JobEffects:
    """The job that adds folders and files to an index, or updates them."""
    told = job.payload.read()
    reports: list[dict[str, Any]] = []
    async with source.indexer(job, running) as indexer:
        adding = indexer.add_each(told["roots"], told["labels"], told["tenant"], running.report)
        async with aclosing(adding) as added:
            async for report in added:
                reports.append({**asdict(report), "others": dict(report.others)})
    return JobEffects.of({"reports": reports})


async def remove_order(job: Job, source: IndexerSource, running: RunningJob) -> JobEffects:
    """The job that removes roots, files or documents of an index."""
    async with source.indexer(job, running) as indexer:
        reports = [asdict(await indexer.remove(what, running.report)) for what in job.payload["what"]]
    return JobEffects.of({"reports": reports})


async def rebuild_order(job: Job, source: IndexerSource, running: RunningJob) -> JobEffects:
    """The job that embeds all passages of an index again."""
    async with source.indexer(job, running, rebuild=True) as indexer:
        report = await indexer.rebuild(running.report)
    return JobEffects.of({"reports": [asdict(report)]})
