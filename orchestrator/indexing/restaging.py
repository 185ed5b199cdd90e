"""Writes all vectors of an index again, beside those there are, and puts them in their place at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.index_plan import JOB_PASSAGES
from orchestrator.jobs.local_runner import JobDispatcher


async def restage(
    writer: JobDispatcher,
    context: IndexingContext,
    index: str,
    kind: str,
    more: Mapping[str, Any],
    doing: str,
    *,
    terms: bool = False,
) -> None:
    """Stage all passages by jobs of a kind, told `more`, and publish them; `terms` counts their terms again.

    Searches see the old vectors until the last new one is written.
    """
    version = context.version(index)
    staged: list[dict[str, Any]] = []
    after: str | None = ""
    done = 0
    while after is not None:
        payload = {"after": after, "passages": JOB_PASSAGES, "base": version.number, **more}
        (job,) = await writer.there(kind, [payload], total=version.passages, doing=doing, done=done)
        assert job.effects is not None
        if job.effects["staged"] is not None:
            staged.append(job.effects["staged"])
        done += job.effects["passages"]
        after = job.effects["last"]
    sparse_changed = context.format.sparse != version.format.sparse
    payload = {"staged": staged, "base": version.number, "terms": terms or sparse_changed}
    await writer.there("switch", [payload], total=0, doing="publishing")
