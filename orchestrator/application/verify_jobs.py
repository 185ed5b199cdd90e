"""Compares the ledger, the indexes and their stores with one another, and mends what can be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from orchestrator.jobs.verify_ledger import ledger_faults
from orchestrator.ports import Clock, IndexRegistry, Ledger
from orchestrator.progress import Progress, silent

if TYPE_CHECKING:
    from orchestrator.application.application import Application


async def verify_jobs(
    application: Application, *, repair: bool = False, progress: Progress = silent
) -> tuple[list[str], list[str]]:
    """What was found wrong, and what is left of it, in sentences; without `repair` that is all of it."""
    container = application.container
    ledger, clock = container.get(Ledger), container.get(Clock)
    registry = container.get(IndexRegistry)
    versions = {version.index: version.number for version in registry.indexes()}
    in_ledger = await asyncio.to_thread(ledger_faults, ledger, versions, clock.now())
    found = [fault.what for fault in in_ledger]
    left = list(found)
    if repair:
        for fault in in_ledger:
            await asyncio.to_thread(ledger.mend, fault.job.id, fault.becomes, fault.what)
        left = [fault.what for fault in ledger_faults(ledger, versions, clock.now())]
    for index in versions:
        indexer = application.indexer(index)
        report = await indexer.verify(progress)
        found += report.faults
        if report.faults and repair:
            report = await indexer.repair(progress)
        left += report.faults
    return found, left
