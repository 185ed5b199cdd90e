"""Reports on an index: its status, and the results of operations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.indexing.files import SkippedFile
from orchestrator.ports import IndexFormat, Job


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of `Indexer.add` in files; `documents` and `passages` are totals of the index.

    `skipped` are the files that were not indexed, each with a reason; what the index had of such a
    file, it still has. `relabelled` files changed who may read them. `repaired` passages were embedded
    again, since the shard that held them was gone.
    """

    index: str
    root: str
    version: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    relabelled: int = 0
    skipped: tuple[SkippedFile, ...] = ()
    documents: int = 0
    passages: int = 0
    seconds: float = 0.0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class RemovalReport:
    """The result of `Indexer.remove`: what was removed, and the totals of the index."""

    index: str
    version: int
    removed_files: int
    removed_documents: int
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """The result of `Indexer.rebuild`."""

    index: str
    version: int
    format: IndexFormat
    documents: int
    passages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RootStatus:
    """The status of one root of an index."""

    root: str
    tenant: str
    labels: tuple[str, ...]
    files: int
    documents: int
    passages: int
    skipped: tuple[SkippedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The status of an index. `jobs` are those that are pending, running or dead."""

    index: str
    version: int
    format: IndexFormat
    documents: int
    passages: int
    shards: int
    roots: tuple[RootStatus, ...]
    jobs: tuple[Job, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The status as plain JSON, with what jobs were given and did as objects."""
        jobs = [
            {
                **asdict(job),
                "payload": dict(job.payload),
                "effects": None if job.effects is None else dict(job.effects),
            }
            for job in self.jobs
        ]
        return {**asdict(self), "jobs": jobs}


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of `Indexer.verify`: every fault in a sentence, and notes."""

    index: str
    version: int
    documents: int
    passages: int
    shards: int
    faults: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults
