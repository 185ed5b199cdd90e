"""Whether an index is what its registry says: passages, shards, hashes, labels and statistics, compared."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from orchestrator.errors import StoreError
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import digest, embedded_text
from orchestrator.indexing.index_report import VerifyReport
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import IndexVersion, StoredPassage
from orchestrator.progress import Progress
from orchestrator.types import Principal

#: Faults of one kind are told one by one up to this number.
_MOST = 20


class _Faults:
    def __init__(self) -> None:
        self.told: list[str] = []
        self._kinds: Counter[str] = Counter()

    def add(self, kind: str, what: str) -> None:
        self._kinds[kind] += 1
        if self._kinds[kind] <= _MOST:
            self.told.append(what)

    def all(self) -> tuple[str, ...]:
        more = [f"{count - _MOST:,} more: {kind}." for kind, count in self._kinds.items() if count > _MOST]
        return (*self.told, *more)


def verify(context: IndexingContext, index: str, progress: Progress) -> VerifyReport:
    """Compare everything that an index holds with its registry. Version changes meanwhile begin it again."""
    began = time.monotonic()
    while True:
        version = _read(context, index)
        faults = _Faults()
        documents = passages = 0
        notes: tuple[str, ...] = ()
        try:
            for told in context.registry.verify(index):
                faults.add("rows of the database", told)
            check = context.writer.check(version)
            for kind, told in check.faults:
                faults.add(kind, told)
            documents, passages = _compare(context, version, check.passages, faults, progress)
            notes = () if faults.told else tuple(check.accept())
        except (StoreError, ValueError, TypeError, KeyError) as error:
            # What a damaged database gives back may be anything.
            told = error.message if isinstance(error, StoreError) else f"{type(error).__name__}: {error}."
            faults.add("what cannot be read", f"The index cannot be read to its end: {told}")
        if _read(context, index).number == version.number:
            return VerifyReport(
                index,
                version.number,
                documents,
                passages,
                dict(context.writer.parts(version)),
                faults.all(),
                time.monotonic() - began,
                notes,
            )


def _read(context: IndexingContext, index: str) -> IndexVersion:
    """The current version as it is stored: one that was read before says nothing about that."""
    for version in context.registry.indexes():
        if version.index == index:
            return version
    return context.version(index)


def _compare(
    context: IndexingContext,
    version: IndexVersion,
    stored: Mapping[str, Sequence[StoredPassage]],
    faults: _Faults,
    progress: Progress,
) -> tuple[int, int]:
    lying = dict(stored)
    documents = passages = 0
    frequencies: dict[tuple[str, tuple[str, ...]], Counter[int]] = defaultdict(Counter)
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for page in pages(context.registry, version.index):
        documents += len(page)
        texts: list[tuple[tuple[str, tuple[str, ...]], str]] = []
        for document in page:
            if not document.labels:
                faults.add("documents without a label", f"The document {document.id} has no label.")
            for passage in document.passages:
                passages += 1
                if digest(passage.text) != passage.hash:
                    faults.add("texts changed", f"The text of passage {passage.id} is not what was indexed.")
                texts.append(((document.tenant, document.labels), embedded_text(document, passage)))
                where = lying.pop(passage.id, ())
                if len(where) != 1:
                    told = (
                        f"The passage {passage.id} of {document.source!r} is stored {len(where)} times: "
                        f"{_places(where)}."
                    )
                    faults.add("passages that are not stored once", told)
                for each in where:
                    if (each.tenant, each.labels) != (document.tenant, document.labels):
                        told = (
                            f"The passage {passage.id} of {document.source!r} is for "
                            f"{_written(each.tenant, each.labels)} in {_places([each])}, in the registry for "
                            f"{_written(document.tenant, document.labels)}."
                        )
                        faults.add("passages under other labels", told)
        vectors = context.sparse.passages([text for _, text in texts])
        for (group, _), vector in zip(texts, vectors, strict=True):
            counts[group] += 1
            frequencies[group].update(vector.indices)
        progress(passages, version.passages, "verifying")
    for identifier, where in lying.items():
        faults.add(
            "passages that the registry lacks",
            f"The passage {identifier} is in {_places(where)}, and the registry does not have it.",
        )
    if (documents, passages) != (version.documents, version.passages):
        told = (
            f"Version {version.number} counts {version.documents:,} documents and {version.passages:,} "
            f"passages, the registry has {documents:,} and {passages:,}."
        )
        faults.add("counts", told)
    if context.sparse.name == version.format.sparse:
        readers = sorted({(tenant, label) for tenant, labels in counts for label in labels})
        for tenant, label in readers:
            reader = Principal(tenant=tenant, grants=frozenset({label}))
            held = context.registry.statistics(version, reader)
            read = [group for group in counts if group[0] == tenant and label in group[1]]
            expected: Counter[int] = Counter()
            for group in read:
                expected.update(frequencies[group])
            if held.passages != sum(counts[group] for group in read) or dict(held.frequency) != expected:
                faults.add(
                    "statistics",
                    f"The term statistics of {tenant}:{label} are not those of its passages.",
                )
    return documents, passages


def _places(where: Sequence[StoredPassage]) -> str:
    return ", ".join(each.place for each in where) or "nowhere"


def _written(tenant: str, labels: tuple[str, ...]) -> str:
    return f"{tenant}:{'+'.join(labels)}"
