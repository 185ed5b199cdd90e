"""What is known about an index, and what became of something that was asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.indexing.files import SkippedFile
from orchestrator.ports import IndexFormat, Job


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What `Indexer.add` did, in files; `documents` and `passages` are those that the index now has.

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
    """What `Indexer.remove` took out of an index, and what the index has now."""

    index: str
    version: int
    removed_files: int
    removed_documents: int
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What `Indexer.rebuild` made an index into."""

    index: str
    version: int
    format: IndexFormat
    documents: int
    passages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RootStatus:
    """What an index has of one root."""

    root: str
    tenant: str
    labels: tuple[str, ...]
    files: int
    documents: int
    passages: int
    skipped: tuple[SkippedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index is made of. `jobs` are those that wait, run, or failed for good."""

    index: str
    version: int
    format: IndexFormat
    documents: int
    passages: int
    shards: int
    roots: tuple[RootStatus, ...]
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Whether an index is what its registry says; every fault in a sentence, and what is worth knowing."""

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
