"""A job that counts."""

from __future__ import annotations

from orchestrator.ports import Job, Ledger


def count(job: Job, ledger: Ledger) -> None:
    """Finish the job with how many words its payload has."""
    ledger.finish(job, {"words": len(str(job.payload.get("text", "")).split())})
