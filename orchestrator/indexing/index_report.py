"""Reports on an index: its status, and the results of operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.indexing.files import SkippedFile
from orchestrator.indexing.index_plan import Plan
from orchestrator.ports import FileRow, IndexFormat, IndexVersion, Job


@dataclass(frozen=True, slots=True)
class ReadingNote:
    """A note on how a file was read; `lost` if something of it was left out."""

    file: str
    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of `Indexer.add` in files; `documents` and `passages` are totals of the index.

    `skipped` are the files that were not indexed, each with a reason; what the index had of such a
    file, it still has. `relabelled` files changed who may read them. `repaired` passages were embedded
    again, since what held them in the store was gone. `notes` say how files were read, where that is not as
    they are written: in another encoding, or without a line that is no record. `others` counts the files of
    kinds that cannot be read, by the ends of their names.
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
    notes: tuple[ReadingNote, ...] = ()
    others: tuple[tuple[str, int], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every file was read, and all of it."""
        return not self.skipped and not any(note.lost for note in self.notes)

    @property
    def failed(self) -> bool:
        """Whether there were files, and none could be read, now or before."""
        return bool(self.skipped) and not (self.added or self.changed or self.unchanged or self.removed)


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


def in_parts(parts: Mapping[str, int]) -> str:
    """What an index consists of in the store, as the end of a phrase: ` in 3 shards`, or nothing."""
    told = [f"{number} {what}" for what, number in parts.items()]
    return f" in {' and '.join(told)}" if told else ""


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
    """The status of an index. `jobs` are those that are pending, running or dead.

    `parts` are what it consists of in the store, as `{"shards": 3}`; see `IndexWriter.parts`.
    """

    index: str
    version: int
    format: IndexFormat
    documents: int
    passages: int
    parts: Mapping[str, int]
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
    """The result of `Indexer.verify`: every fault in a sentence, notes, and `parts` as in a status."""

    index: str
    version: int
    documents: int
    passages: int
    parts: Mapping[str, int]
    faults: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def add_report(plan: Plan, version: IndexVersion, rows: Sequence[FileRow], seconds: float) -> IndexReport:
    """The report of a plan that was carried out; `rows` are the files of the index as they are now."""
    root = str(plan.target.root)
    errors = {row.file: row.error for row in rows if row.root == root and row.error is not None}
    failed = [
        SkippedFile(file.file, errors[file.file] or "")
        for file in (*plan.added, *plan.changed)
        if file.file in errors
    ]
    return IndexReport(
        index=version.index,
        root=str(plan.target.path),
        version=version.number,
        added=sum(file.file not in errors for file in plan.added),
        changed=sum(file.file not in errors for file in plan.changed),
        unchanged=len(plan.unchanged),
        removed=len(plan.removed),
        relabelled=len(plan.relabelled),
        skipped=tuple(sorted((*plan.skipped, *failed), key=lambda file: file.file)),
        documents=version.documents,
        passages=version.passages,
        seconds=seconds,
        others=plan.others,
    )
