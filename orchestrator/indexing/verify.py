"""Whether an index is what its registry says: passages, shards, hashes, labels and statistics, compared."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import digest, embedded_text
from orchestrator.indexing.index_report import VerifyReport
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import IndexVersion, Shard
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


def missing_shards(context: IndexingContext, version: IndexVersion) -> list[str]:
    """The shards of an index of which a file is not there. It reads none of them."""
    known = context.shard_registry.shard_files(version.index)
    return context.shards.missing(
        version.index, {shard.name: known.get(shard.name, {}).keys() for shard in version.shards}
    )


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
            sound, unrecorded = _files(context, version, faults)
            documents, passages = _compare(context, version, sound, faults, progress)
            notes = _recorded(context, index, unrecorded, faults)
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
                len(version.shards),
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


def _files(
    context: IndexingContext, version: IndexVersion, faults: _Faults
) -> tuple[list[Shard], list[Shard]]:
    """The shards whose files are as they were published, and of these the ones of which that is not known."""
    known = context.shard_registry.shard_files(version.index)
    sound: list[Shard] = []
    unrecorded: list[Shard] = []
    for shard in version.shards:
        found = context.shards.digests(version.index, shard.name)
        expected = known.get(shard.name)
        if expected is None:
            unrecorded.append(replace(shard, files=found))
            expected = found
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        for name in wrong:
            what = (
                "is missing"
                if name not in found
                else "was not there"
                if name not in expected
                else "was changed"
            )
            faults.add("files of shards", f"The file {name} of the shard {shard.name} {what}.")
        if not found:
            faults.add("shards that do not open", f"The shard {shard.name} cannot be opened: it is gone.")
        elif not wrong:
            sound.append(shard)
    return sound, unrecorded


def _recorded(
    context: IndexingContext, index: str, unrecorded: list[Shard], faults: _Faults
) -> tuple[str, ...]:
    """Note the digests of shards that an earlier release made, if nothing is wrong."""
    if not unrecorded or faults.told:
        return ()
    for shard in unrecorded:
        context.shard_registry.record_shard_files(index, shard)
    return (
        f"The files of {len(unrecorded)} shards, which an earlier release made, have checksums from now on.",
    )


def _compare(
    context: IndexingContext, version: IndexVersion, sound: list[Shard], faults: _Faults, progress: Progress
) -> tuple[int, int]:
    lying = dict(_lying(context, version, sound, faults))
    documents = passages = 0
    frequencies: dict[str, Counter[int]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    for page in pages(context.registry, version.index):
        documents += len(page)
        texts: list[tuple[str, str]] = []
        for document in page:
            if not document.labels:
                faults.add("documents without a label", f"The document {document.id} has no label.")
            for passage in document.passages:
                passages += 1
                if digest(passage.text) != passage.hash:
                    faults.add("texts changed", f"The text of passage {passage.id} is not what was indexed.")
                texts.append((document.tenant, embedded_text(document, passage)))
                where = lying.pop(passage.id, ())
                if len(where) != 1:
                    told = f"The passage {passage.id} of {document.source!r} is in {len(where)} shards."
                    faults.add("passages in no shard or in several", told)
                for shard, access in where:
                    if access != (document.tenant, document.labels):
                        told = (
                            f"The passage {passage.id} of {document.source!r} is for {_written(*access)} in "
                            f"The shard {shard}, in the registry for "
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
            f"The shard {where[0][0]} holds the passage {identifier}, which the registry does not have.",
        )
    if (documents, passages) != (version.documents, version.passages):
        told = (
            f"Version {version.number} counts {version.documents:,} documents and {version.passages:,} "
            f"passages, the registry has {documents:,} and {passages:,}."
        )
        faults.add("counts", told)
    if context.sparse.name == version.format.sparse:
        for tenant in sorted(counts):
            held = context.registry.statistics(version, tenant)
            if held.passages != counts[tenant] or dict(held.frequency) != dict(frequencies[tenant]):
                faults.add(
                    "statistics",
                    f"The term statistics of the tenant {tenant!r} are not those of its passages.",
                )
    return documents, passages


def _lying(
    context: IndexingContext, version: IndexVersion, sound: list[Shard], faults: _Faults
) -> Iterator[tuple[str, list[tuple[str, tuple[str, tuple[str, ...]]]]]]:
    """Every live passage of the shards, with the shards that it is in and who may read it there."""
    found: dict[str, list[tuple[str, tuple[str, tuple[str, ...]]]]] = defaultdict(list)
    called_dead: dict[str, str] = {}
    everything: set[str] = set()
    for shard in sound:
        try:
            contents = context.shards.contents(version.index, shard.name)
            lacking = context.shards.probe(version.index, shard.name)
        except OrchestratorError as error:
            faults.add("shards that do not open", f"The shard {shard.name} cannot be opened: {error.message}")
            continue
        if lacking is not None:
            faults.add("shards that do not find", f"The shard {shard.name} {lacking}.")
        everything |= contents.keys()
        if len(contents) != shard.points:
            told = f"The shard {shard.name} holds {len(contents):,} passages, not {shard.points:,}."
            faults.add("shards of another size", told)
        dead = version.removed.get(shard.name, frozenset[str]())
        called_dead |= dict.fromkeys(dead - contents.keys(), shard.name)
        for identifier, (tenant, labels) in contents.items():
            if identifier not in dead:
                found[identifier].append((shard.name, (tenant, tuple(sorted(labels)))))
    # After a rebuild it is not known which of its shards a passage is in: it is called dead in each.
    for identifier, shard in called_dead.items():
        if identifier not in everything and len(sound) == len(version.shards):
            told = f"The passage {identifier} is called dead in the shard {shard}, which never had it."
            faults.add("removals of nothing", told)
    yield from found.items()


def _written(tenant: str, labels: tuple[str, ...]) -> str:
    return f"{tenant}:{'+'.join(labels)}"
