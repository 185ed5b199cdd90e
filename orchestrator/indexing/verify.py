"""Whether an index is what its registry says: passages, shards, hashes, labels and statistics, compared."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from orchestrator.errors import OrchestratorError
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import digest, embedded_text
from orchestrator.indexing.index_report import VerifyReport
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import IndexVersion
from orchestrator.progress import Progress

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
    """Compare everything that an index holds with its registry. Version changes meanwhile begin it anew."""
    began = time.monotonic()
    while True:
        version = context.version(index)
        faults = _Faults()
        documents, passages = _compare(context, version, faults, progress)
        if context.version(index).number == version.number:
            return VerifyReport(
                index,
                version.number,
                documents,
                passages,
                len(version.shards),
                faults.all(),
                time.monotonic() - began,
            )


def _compare(
    context: IndexingContext, version: IndexVersion, faults: _Faults, progress: Progress
) -> tuple[int, int]:
    lying = dict(_lying(context, version, faults))
    documents = passages = 0
    frequencies: dict[str, Counter[int]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    for page in pages(context.registry, version.index):
        documents += len(page)
        texts: list[tuple[str, str]] = []
        for document in page:
            if not document.labels:
                faults.add("documents without a label", f"the document {document.id} has no label.")
            for passage in document.passages:
                passages += 1
                if digest(passage.text) != passage.hash:
                    faults.add("texts changed", f"the text of passage {passage.id} is not what was indexed.")
                texts.append((document.tenant, embedded_text(document, passage)))
                where = lying.pop(passage.id, ())
                if len(where) != 1:
                    told = f"the passage {passage.id} of {document.source!r} is in {len(where)} shards."
                    faults.add("passages in no shard or in several", told)
                for shard, access in where:
                    if access != (document.tenant, document.labels):
                        told = (
                            f"the passage {passage.id} of {document.source!r} is for {_written(*access)} in "
                            f"the shard {shard}, in the registry for "
                            f"{_written(document.tenant, document.labels)}."
                        )
                        faults.add("passages under other labels", told)
        vectors = context.sparse.passages([text for _, text in texts])
        for (tenant, _), vector in zip(texts, vectors, strict=True):
            counts[tenant] += 1
            frequencies[tenant].update(vector.indices)
        progress(passages, version.passages, "verifying")
    for identifier, where in lying.items():
        faults.add(
            "passages that the registry lacks",
            f"the shard {where[0][0]} holds the passage {identifier}, which the registry does not have.",
        )
    if (documents, passages) != (version.documents, version.passages):
        told = (
            f"version {version.number} counts {version.documents:,} documents and {version.passages:,} "
            f"passages, the registry has {documents:,} and {passages:,}."
        )
        faults.add("counts", told)
    if context.sparse.name == version.format.sparse:
        for tenant in sorted(counts):
            held = context.registry.statistics(version, tenant)
            if held.passages != counts[tenant] or dict(held.frequency) != dict(frequencies[tenant]):
                faults.add(
                    "statistics",
                    f"the term statistics of the tenant {tenant!r} are not those of its passages.",
                )
    return documents, passages


def _lying(
    context: IndexingContext, version: IndexVersion, faults: _Faults
) -> Iterator[tuple[str, list[tuple[str, tuple[str, tuple[str, ...]]]]]]:
    """Every live passage of the shards, with the shards that it is in and who may read it there."""
    found: dict[str, list[tuple[str, tuple[str, tuple[str, ...]]]]] = defaultdict(list)
    for shard in version.shards:
        try:
            contents = context.shards.contents(version.index, shard.name)
        except OrchestratorError as error:
            faults.add("shards that do not open", f"the shard {shard.name} cannot be opened: {error.message}")
            continue
        if len(contents) != shard.points:
            told = f"the shard {shard.name} holds {len(contents):,} passages, not {shard.points:,}."
            faults.add("shards of another size", told)
        dead = version.removed.get(shard.name, frozenset[str]())
        if strange := dead - contents.keys():
            told = (
                f"{len(strange):,} passages are called dead in the shard {shard.name}, which never had them."
            )
            faults.add("removals of nothing", told)
        for identifier, (tenant, labels) in contents.items():
            if identifier not in dead:
                found[identifier].append((shard.name, (tenant, tuple(sorted(labels)))))
    yield from found.items()


def _written(tenant: str, labels: tuple[str, ...]) -> str:
    return f"{tenant}:{'+'.join(labels)}"
