"""Feature extraction as a job in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.indexing.passage_features import SCOPE, FeatureReport, check_feature_kind
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import IndexVersion, JobScope, LanguageModel, Ledger
from orchestrator.progress import Progress
from orchestrator.types import Principal


async def make_features_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    kind: str,
    *,
    principal: Principal,
    progress: Progress,
    wait: float = 60.0,
) -> FeatureReport:
    """Submit and run a job that extracts the missing features of an index; a killed one is resumed.

    `ports` are those of the index; the model is asked as one of the principal's tenant. BadInput for a
    kind that cannot be made, IndexBusy if another makes features of this index for longer than `wait`.
    """
    checked = check_feature_kind(kind, ports[LanguageModel])
    scope = JobScope(SCOPE, version.index)
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        (job,) = await local.there("make", [{"kind": checked}], total=version.passages, doing="")
    return FeatureReport(**dict(job.effects or {}))
