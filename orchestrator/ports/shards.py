"""Shards: what belongs to an embedded vector store alone, whose indexes are immutable folders on disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from orchestrator.ports.indexes import DocumentRow, IndexChange, IndexVersion
from orchestrator.ports.vectors import SparseVector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Shard:
    """An immutable piece of an index on disk: a folder below the index's own, never written again.

    `files` are digests of its files by name (`ShardWriter.digests`), where it is about to be published;
    a shard that is read back has none (`ShardRegistry.shard_files`).
    """

    name: str
    points: int
    files: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ShardedVersion(IndexVersion):
    """A version of an index with its shards, and passages in them that are no longer part of it.

    `removed` holds passage ids by the name of the shard whose copy of them is dead. It is not one set
    for all shards, since a passage that is relabelled, or changed and changed back, is in an old
    shard and in a new one under the same id, and only the new copy counts.
    """

    shards: tuple[Shard, ...] = ()
    removed: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])


@dataclass(frozen=True, slots=True)
class ShardedChange(IndexChange):
    """A change of an index, with what it changes in the shards. `IndexRegistry.publish` takes it.

    `shard` holds exactly the passages of `documents`. A merge gives `shard` with `merged`, the names of the
    shards that it replaces, and no documents; a passage that died in one of these while the merge was under
    way is then dead in `shard`. A merge without `base` lists more as dead than it need. A rebuild gives
    `shards`, which are all the shards of the index from then on.
    """

    shard: Shard | None = None
    merged: tuple[str, ...] = ()
    shards: tuple[Shard, ...] = ()

    @classmethod
    def of(cls, change: IndexChange, *, shard: Shard | None = None, shards: tuple[Shard, ...] = ()) -> Self:
        """The same change, with its shards."""
        given = {each.name: getattr(change, each.name) for each in fields(IndexChange)}
        return cls(**given, shard=shard, shards=shards)


@runtime_checkable
class ShardRegistry(Protocol):
    """The registry of the shards on disk of indexes whose vector store is embedded.

    It reads what the `IndexRegistry` of the same database publishes.
    """

    def current(self, index: str) -> ShardedVersion | None:
        """The current version with its shards, as it is stored now; None if there is no such index."""
        ...

    def shards(self, index: str, *, grace_seconds: float = 0.0) -> frozenset[str]:
        """Names of the shards in use, or given up less than `grace_seconds` ago: folders to keep."""
        ...

    def shard_files(self, index: str) -> Mapping[str, Mapping[str, str]]:
        """The digests of the files of each shard in use at its publication, by shard and name."""
        ...

    def record_shard_files(self, index: str, shard: Shard) -> None:
        """Note what the files of a shard are, if that has not been noted: it is of an earlier release."""
        ...

    def verify(self, index: str) -> list[str]:
        """Verify what is stored of the shards: every contradiction, in a sentence each."""
        ...

    def documents(
        self, index: str, names: Collection[str], *, after: str = "", limit: int = 500
    ) -> list[DocumentRow]:
        """Documents that may lie in some shards, by rising id from after the id `after`, to anyone."""
        ...

    def unplaced(self, index: str, *, after: str = "", limit: int = 500) -> list[DocumentRow]:
        """Documents with passages that lie in no shard, as those of an index that another store held."""
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
        self, index: str, name: str, documents: Sequence[DocumentRow], version: ShardedVersion
    ) -> Shard:
        """A shard of passages that `version` has, under new labels or metadata; their vectors are copied."""
        ...

    def merge(self, index: str, name: str, shards: Sequence[str], version: ShardedVersion) -> Shard:
        """One shard of what is alive in `shards` of `version`."""
        ...

    def contents(self, index: str, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Tenant and labels by passage id of all points in a shard, dead ones too; StoreError if broken."""
        ...

    def digests(self, index: str, name: str) -> dict[str, str]:
        """The current digests of a shard's files, by name; empty if the shard is gone."""
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
