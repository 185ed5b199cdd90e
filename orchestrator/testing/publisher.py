"""Fills an index of a registry, for the tests of stores."""

from __future__ import annotations

from collections import Counter
from itertools import count

from orchestrator.ports import (
    DocumentRow,
    FileRow,
    IndexChange,
    IndexRegistry,
    IndexVersion,
    Job,
    Ledger,
    Shard,
    ShardedChange,
    ShardedVersion,
    ShardRegistry,
    index_scope,
)


class Publisher:
    """Publishes changes to one index, each as a job of its own."""

    def __init__(self, registry: IndexRegistry, ledger: Ledger, index: str = "default") -> None:
        self.registry = registry
        self.ledger = ledger
        self.index = index
        self._numbers = count(1)

    def job(self, *, seconds: float = 60) -> Job:
        """A leased job of this index."""
        submitted = self.ledger.submit(
            "add", index_scope(self.index), f"{self.index}-{next(self._numbers)}", {}
        )
        job = self.ledger.claim("worker", seconds=seconds, job=submitted.id)
        assert job is not None
        return job

    def change(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> IndexChange:
        """These documents with their files; the words of a text are its terms."""
        held = [passage for row in documents for passage in row.passages]
        return IndexChange(
            documents=documents,
            removed_documents=tuple(row.id for row in removed),
            files=tuple(file_of(row) for row in documents),
            removed_files=tuple((row.root, row.file) for row in removed),
            terms={passage.id: words(passage.text) for passage in held},
        )

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> IndexVersion:
        """Publish them."""
        return self.registry.publish(self.job(), self.index, self.change(*documents, removed=removed))


class ShardPublisher(Publisher):
    """Publishes changes with a shard each, to an index whose store is embedded."""

    def __init__(
        self, registry: IndexRegistry, shards: ShardRegistry, ledger: Ledger, index: str = "default"
    ) -> None:
        super().__init__(registry, ledger, index)
        self.shards = shards

    @property
    def version(self) -> ShardedVersion:
        """The current version."""
        version = self.shards.current(self.index)
        assert version is not None
        return version

    def change(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> ShardedChange:
        """The same, in a new shard."""
        held = sum(len(row.passages) for row in documents)
        shard = Shard(f"shard-{next(self._numbers)}", held) if held else None
        return ShardedChange.of(super().change(*documents, removed=removed), shard=shard)

    def publish(self, *documents: DocumentRow, removed: tuple[DocumentRow, ...] = ()) -> ShardedVersion:
        """Publish them."""
        return self.put(self.change(*documents, removed=removed))

    def put(self, change: ShardedChange) -> ShardedVersion:
        """Publish a change."""
        self.registry.publish(self.job(), self.index, change)
        return self.version


def file_of(row: DocumentRow) -> FileRow:
    """The file that a document came from."""
    return FileRow(
        row.root, row.file, row.hash, 10, tuple(sorted(row.labels)), 1, len(row.passages), tenant=row.tenant
    )


def words(text: str) -> list[int]:
    """A sparse dimension for each word, such as `w7`; repeated, as a careless caller would give them."""
    return [int(word[1:]) for word in text.split() if word[1:].isdecimal()]


def frequencies(*documents: DocumentRow) -> dict[int, int]:
    """The document frequencies of these documents' passages."""
    found: Counter[int] = Counter()
    for row in documents:
        for passage in row.passages:
            found.update(set(words(passage.text)))
    return dict(found)
