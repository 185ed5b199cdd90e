"""Indexes: their rows, their versions, and the registry that publishes changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from orchestrator.places import Place
from orchestrator.ports.jobs import Job, JobScope
from orchestrator.types import DEFAULT_TENANT, Principal


def index_scope(index: str) -> JobScope:
    """The job scope of an index."""
    return JobScope("index", index)


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage to be stored. `id` = uuid5 of index, document, content hash and position.

    `places` are its pages and sections, none where they are not known.
    """

    id: str
    position: int
    text: str
    hash: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document to be stored, with its passages.

    `id` = uuid5 of index, tenant, root and source. `hash` covers content, title and metadata, but
    not the labels: these change without a new embedding. `file` is the file it came from, below
    `root`; one file may hold many documents.
    """

    id: str
    tenant: str
    root: str
    file: str
    document: str
    title: str
    source: str
    hash: str
    labels: tuple[str, ...]
    metadata: Mapping[str, Any]
    passages: tuple[PassageRow, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as it was when it was indexed; `error` says why it was skipped.

    `hash` covers its bytes and how they were read and split. `tenant` owns it: a root has one tenant.
    """

    root: str
    file: str
    hash: str
    size: int
    labels: tuple[str, ...] = ()
    documents: int = 0
    passages: int = 0
    error: str | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class IndexFormat:
    """The models and settings of an index's vectors. Only an equal format can search or extend it.

    `tokens` names what gives the vectors of tokens, of `token_dimensions`, for late interaction; an
    index without any has "" and 0.
    """

    embedder: str
    dimensions: int
    sparse: str
    version: int = 1
    tokens: str = ""
    token_dimensions: int = 0


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One published state of an index: its number, the format of its vectors, and what it counts."""

    index: str
    number: int
    format: IndexFormat
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """Document frequencies of what a reader may read, over passages: `frequency` by sparse dimension."""

    passages: int
    frequency: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class IndexChange:
    """A change of an index that one job publishes in one transaction.

    `documents` replace those of the same id; `removed_documents` go; `files` are the files as they
    now stand, `removed_files` are (root, file) that vanished. `terms` are the sparse dimensions of each
    new passage, for the statistics. A passage that `terms` leaves out keeps those that it had.
    A rebuild gives `format`, and `base`, the number of the version that it read: one that read another than
    the current version is refused. Its documents stay, and `terms` replace theirs if there are any.
    `notes` are kept with the job's effects: of a file, a sentence on how it was read, and whether something
    was left out.
    """

    documents: tuple[DocumentRow, ...] = ()
    removed_documents: tuple[str, ...] = ()
    files: tuple[FileRow, ...] = ()
    removed_files: tuple[tuple[str, str], ...] = ()
    terms: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    base: int | None = None
    format: IndexFormat | None = None
    notes: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class DerivedProgress:
    """The progress of a derived index, in a unit of its own."""

    done: int
    total: int


@runtime_checkable
class IndexRegistry(Protocol):
    """The registry of indexes: their versions, documents, files and term statistics."""

    def create(self, index: str, format: IndexFormat) -> IndexVersion:
        """The current version, made empty if there is none; IndexMismatch if its format differs."""
        ...

    def current(self, index: str) -> IndexVersion | None: ...

    def seen(self, index: str) -> IndexVersion | None:
        """The current version, if that is known without asking anybody; None does not say that there is none.

        An event loop may call it: it waits for no disk, no lock and no server.
        """
        ...

    def indexes(self) -> list[IndexVersion]: ...

    def publish(self, job: Job, index: str, change: IndexChange) -> IndexVersion:
        """Apply a change and finish the job in one transaction; LeaseLost if the job's fence has risen."""
        ...

    def relabel(self, index: str, root: str, labels: Sequence[str]) -> int: ...

    def statistics(self, version: IndexVersion, principal: Principal) -> TermStatistics:
        """Document frequencies of what the principal may read; no other document may change them."""
        ...

    def files(self, index: str, root: str | None = None) -> list[FileRow]: ...

    def document_hashes(self, index: str, root: str, files: Sequence[str]) -> dict[str, str]:
        """Content hash by document id, of the documents that came from these files."""
        ...

    def documents(
        self,
        index: str,
        *,
        root: str | None = None,
        files: Sequence[str] = (),
        after: str = "",
        limit: int = 500,
    ) -> list[DocumentRow]:
        """Documents by rising id from after the id `after`, to anyone; of a root or its files, if given."""
        ...

    def drop(self, index: str) -> None: ...

    def distrust(self, index: str, root: str) -> None:
        """Forget the hashes of a root's files and documents, so that all are read and published again."""
        ...

    def verify(self, index: str) -> list[str]:
        """Verify the stored rows: every contradiction or damage, in a sentence each."""
        ...

    def progress(self, index: str) -> Mapping[str, DerivedProgress]:
        """The progress of each derived index, by name."""
        ...

    def collect(self, *, grace_seconds: float) -> int:
        """Purge passages that were replaced or removed longer ago than that; how many."""
        ...
