"""Indexes: their rows, the registry that publishes changes, and the writer of shards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrator.ports.jobs import Job, JobScope
from orchestrator.ports.vectors import SparseVector
from orchestrator.types import DEFAULT_TENANT, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def index_scope(index: str) -> JobScope:
    """The job scope of an index."""
    return JobScope("index", index)


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage to be stored. `id` = uuid5 of index, document, content hash and position."""

    id: str
    position: int
    text: str
    hash: str


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
class Shard:
    """An immutable piece of an index on disk: a folder below the index's own, never written again.

    `files` are digests of its files by name (`ShardWriter.digests`), where it is about to be published;
    a shard that is read back has none (`IndexRegistry.shard_files`).
    """

    name: str
    points: int
    files: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)


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
    """One published state of an index: shards, and passages in them that are no longer part of it.

    `removed` holds passage ids by the name of the shard whose copy of them is dead. It is not one set
    for all shards, since a passage that is relabelled, or changed and changed back, is in an old
    shard and in a new one under the same id, and only the new copy counts.
    """

    index: str
    number: int
    format: IndexFormat
    shards: tuple[Shard, ...]
    removed: Mapping[str, frozenset[str]]
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
    now stand, `removed_files` are (root, file) that vanished. `shard` holds exactly the passages of
    `documents`. `terms` are the sparse dimensions of each new passage, for the statistics.
    A merge gives `shard` with `merged`, the names of the shards that it replaces, and no documents;
    a passage that died in one of these while the merge was under way is then dead in `shard`. `base`
    is the number of the version that a merge or a rebuild read: a merge without it lists more as dead
    than it need, a rebuild with another than the current one is refused. A passage that `terms` leaves
    out keeps those that it had.
    A rebuild gives `format` with `shards`, which are all the shards of the index from then on; its
    documents stay, and `terms` replace theirs if there are any. A store without shards says so with
    `unsharded`, and gives none.
    """

    shard: Shard | None = None
    documents: tuple[DocumentRow, ...] = ()
    removed_documents: tuple[str, ...] = ()
    files: tuple[FileRow, ...] = ()
    removed_files: tuple[tuple[str, str], ...] = ()
    terms: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    merged: tuple[str, ...] = ()
    base: int | None = None
    format: IndexFormat | None = None
    shards: tuple[Shard, ...] = ()
    unsharded: bool = False


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
        lying_in: Sequence[str] = (),
        after: str = "",
        limit: int = 500,
    ) -> list[DocumentRow]:
        """Documents by rising id from after the id `after`, to anyone.

        Of one root or some of its files, if these are given, or that may lie in some shards.
        """
        ...

    def drop(self, index: str) -> None: ...

    def verify(self, index: str) -> list[str]:
        """Verify the stored rows: every contradiction or damage, in a sentence each."""
        ...

    def progress(self, index: str) -> Mapping[str, DerivedProgress]:
        """The progress of each derived index, by name."""
        ...

    def collect(self, *, grace_seconds: float) -> int:
        """Purge passages that were replaced or removed longer ago than that; how many."""
        ...


@runtime_checkable
class ShardRegistry(Protocol):
    """The registry of the shards on disk of an index whose vector store is embedded."""

    def shards(self, index: str, *, grace_seconds: float = 0.0) -> frozenset[str]:
        """Names of the shards in use, or given up less than `grace_seconds` ago: folders to keep."""
        ...

    def shard_files(self, index: str) -> Mapping[str, Mapping[str, str]]:
        """The digests of the files of each shard in use at its publication, by shard and name."""
        ...

    def record_shard_files(self, index: str, shard: Shard) -> None:
        """Note what the files of a shard are, if that has not been noted: it is of an earlier release."""
        ...


@runtime_checkable
class ShardWriter(Protocol):
    """Writes shards to disk. Slow, and it may hold the interpreter: only for a process that serves nobody.

    A shard appears whole under its name or not at all, and a name is never written twice: a later
    attempt takes a new one (`{job}-{fence}`). What a killed writer left is swept later.
    """

    def build(
        self,
        index: str,
        name: str,
        documents: Sequence[DocumentRow],
        dense: NDArray[np.float32],
        sparse: Sequence[SparseVector],
        tokens: Sequence[NDArray[np.float32]] | None = None,
    ) -> Shard:
        """A shard of the passages of `documents`; row i of `dense` and `sparse` is passage i of them all.

        So is matrix i of `tokens`, shape (tokens, dimensions), if the index keeps them.
        """
        ...

    def rewrite(
        self, index: str, name: str, documents: Sequence[DocumentRow], version: IndexVersion
    ) -> Shard:
        """A shard of passages that `version` has, under new labels or metadata; their vectors are copied."""
        ...

    def merge(self, index: str, name: str, shards: Sequence[str], version: IndexVersion) -> Shard:
        """One shard of what is alive in `shards` of `version`."""
        ...

    def contents(self, index: str, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Tenant and labels by passage id of all points in a shard, dead ones too; StoreError if broken."""
        ...

    def digests(self, index: str, name: str) -> dict[str, str]:
        """The current digests of a shard's files, by name. None if the shard is gone."""
        ...

    def missing(self, index: str, files: Mapping[str, Collection[str]]) -> list[str]:
        """The shards of which files are missing."""
        ...

    def probe(self, index: str, name: str) -> str | None:
        """Search a shard for one of its passages; what is wrong, as the end of a sentence."""
        ...

    def sweep(self, index: str, keep: Collection[str], *, seconds: float) -> list[str]:
        """Delete shards that are not in `keep`, and were not `seconds` ago; the names of those deleted.

        Readers need the grace: one that has just read the older version has yet to open its shards.
        """
        ...
