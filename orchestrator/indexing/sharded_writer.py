"""Writes indexes as immutable shards on disk: the `IndexWriter` of an embedded store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.indexing.merging import merges
from orchestrator.ports import (
    DamagedPlace,
    DocumentRow,
    IndexChange,
    IndexVersion,
    PassageVectors,
    Publish,
    Shard,
    ShardedChange,
    ShardedVersion,
    ShardRegistry,
    ShardWriter,
    StoreCheck,
    StoredPassage,
)

#: The place of passages that another store held; no shard is named so.
_NOWHERE = "no shard"


class ShardedIndexWriter:
    """Each change makes a shard; versions name shards and what is dead in them, and publishing one is all.

    `shards` writes them, and `held` knows which there are.
    """

    def __init__(self, shards: ShardWriter, held: ShardRegistry) -> None:
        self.shards = shards
        self._held = held

    def apply(
        self, index: str, name: str, change: IndexChange, vectors: PassageVectors | None, publish: Publish
    ) -> IndexVersion:
        """A shard of the change's passages, if it has any."""
        shard = None if vectors is None else self._built(index, name, change.documents, vectors)
        return publish(ShardedChange.of(change, shard=shard))

    def relabel(
        self, version: IndexVersion, name: str, change: IndexChange, publish: Publish
    ) -> IndexVersion:
        """A shard of the same passages, with their vectors copied."""
        shard = None
        if any(document.passages for document in change.documents):
            shard = self.shards.rewrite(version.index, name, change.documents, self._sharded(version))
        return publish(ShardedChange.of(change, shard=shard))

    def stage(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Mapping[str, Any]:
        """A shard, to be published later."""
        shard = self._built(index, name, documents, vectors)
        return {"name": shard.name, "points": shard.points, "files": dict(shard.files)}

    def switch(
        self, index: str, change: IndexChange, staged: Sequence[Mapping[str, Any]], publish: Publish
    ) -> IndexVersion:
        """Publish the staged shards as all that there are."""
        shards = tuple(Shard(**each) for each in staged)
        return publish(ShardedChange.of(change, shards=shards))

    def delete(self, index: str) -> None:
        """Delete all shards."""
        self.shards.sweep(index, (), seconds=0.0)

    def merges(self, version: IndexVersion) -> Sequence[Mapping[str, Any]]:
        """Groups of shards of about one size, each for one new shard."""
        sharded = self._sharded(version)
        points = {shard.name: shard.points for shard in sharded.shards}
        return [
            {"shards": list(group), "passages": sum(points[name] for name in group)}
            for group in merges(sharded)
        ]

    def merge(
        self, version: IndexVersion, name: str, merge: Mapping[str, Any], publish: Publish
    ) -> IndexVersion:
        """Put one shard in the place of several; none, if nothing in them is alive."""
        names, sharded = tuple(merge["shards"]), self._sharded(version)
        alive = any(
            shard.points > len(sharded.removed.get(shard.name, ()))
            for shard in sharded.shards
            if shard.name in names
        )
        shard = self.shards.merge(version.index, name, names, sharded) if alive else None
        return publish(ShardedChange(shard=shard, merged=names, base=sharded.number))

    def collect(self, index: str, *, seconds: float) -> Sequence[str]:
        """Delete the shards that nobody can be reading any more."""
        keep = self._held.shards(index, grace_seconds=seconds)
        return self.shards.sweep(index, keep, seconds=seconds)

    def damaged(self, version: IndexVersion) -> Sequence[DamagedPlace]:
        """The shards of which a file is not there, and what lies in none. It reads none of them."""
        known, sharded = self._held.shard_files(version.index), self._sharded(version)
        files = {shard.name: known.get(shard.name, {}).keys() for shard in sharded.shards}
        points = {shard.name: shard.points for shard in sharded.shards}
        missing = self.shards.missing(version.index, files)
        damaged = [DamagedPlace(name, points[name]) for name in missing]
        # After a rebuild a passage may be called dead in several shards: only the registry knows for sure.
        lost = sharded.passages - sum(points.values()) + sum(map(len, sharded.removed.values()))
        if lost > 0 and self._held.unplaced(version.index, limit=1):
            damaged.append(DamagedPlace(_NOWHERE, lost))
        return damaged

    def damaged_documents(
        self, index: str, places: Collection[str], *, after: str = "", limit: int = 500
    ) -> Sequence[DocumentRow]:
        """Documents of the batches of these shards, and those of none."""
        found = self._held.documents(index, places, after=after, limit=limit)
        if _NOWHERE in places:
            found += self._held.unplaced(index, after=after, limit=limit)
        return sorted(found, key=lambda row: row.id)[:limit]

    def parts(self, version: IndexVersion) -> Mapping[str, int]:
        """How many shards there are."""
        return {"shards": len(self._sharded(version).shards)}

    def check(self, version: IndexVersion) -> StoreCheck:
        """Compare the files with what was published, and read every shard that is sound."""
        return _Check(self.shards, self._held, self._sharded(version)).done()

    def _sharded(self, version: IndexVersion) -> ShardedVersion:
        """The version with its shards, or a later one, if that was published meanwhile."""
        sharded = self._held.current(version.index)
        if sharded is None:
            raise StoreError(
                f"There is no index {version.index!r} any more.", hint="Add something to it again."
            )
        return sharded

    def _built(
        self, index: str, name: str, documents: Sequence[DocumentRow], vectors: PassageVectors
    ) -> Shard:
        return self.shards.build(index, name, documents, vectors.dense, vectors.sparse, vectors.tokens)


@dataclass
class _Check:
    """One reading of all shards of a version."""

    shards: ShardWriter
    held: ShardRegistry
    version: ShardedVersion
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unrecorded: list[Shard] = field(default_factory=list[Shard])

    def done(self) -> StoreCheck:
        for told in self.held.verify(self.version.index):
            self._add("rows of the database", told)
        sound = self._sound()
        return StoreCheck(self._passages(sound), self.faults, self._record)

    def _sound(self) -> list[Shard]:
        """The shards whose files are as they were published, and those of which that is not known."""
        index, known = self.version.index, self.held.shard_files(self.version.index)
        sound: list[Shard] = []
        for shard in self.version.shards:
            found = self.shards.digests(index, shard.name)
            expected = known.get(shard.name)
            if expected is None:
                self.unrecorded.append(replace(shard, files=found))
                expected = found
            wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
            for name in wrong:
                how = _difference(name in expected, name in found)
                self._add("files of shards", f"The file {name} of the shard {shard.name} {how}.")
            if not found:
                told = f"The shard {shard.name} cannot be opened: it is gone."
                self._add("shards that do not open", told)
            elif not wrong:
                sound.append(shard)
        return sound

    def _passages(self, sound: Sequence[Shard]) -> dict[str, list[StoredPassage]]:
        """Every live passage, with the shards that it is in and who may read it there."""
        found: dict[str, list[StoredPassage]] = defaultdict(list)
        called_dead: dict[str, str] = {}
        everything: set[str] = set()
        for shard in sound:
            try:
                contents = self.shards.contents(self.version.index, shard.name)
                lacking = self.shards.probe(self.version.index, shard.name)
            except OrchestratorError as error:
                told = f"The shard {shard.name} cannot be opened: {error.message}"
                self._add("shards that do not open", told)
                continue
            if lacking is not None:
                self._add("shards that do not find", f"The shard {shard.name} {lacking}.")
            everything |= contents.keys()
            if len(contents) != shard.points:
                told = f"The shard {shard.name} holds {len(contents):,} passages, not {shard.points:,}."
                self._add("shards of another size", told)
            dead = self.version.removed.get(shard.name, frozenset[str]())
            called_dead |= dict.fromkeys(dead - contents.keys(), shard.name)
            place = f"the shard {shard.name}"
            for identifier, (tenant, labels) in contents.items():
                if identifier not in dead:
                    found[identifier].append(StoredPassage(tenant, tuple(sorted(labels)), place))
        # After a rebuild it is not known which of its shards a passage is in: it is called dead in each.
        for identifier, shard in called_dead.items():
            if identifier not in everything and len(sound) == len(self.version.shards):
                told = f"The passage {identifier} is called dead in the shard {shard}, which never had it."
                self._add("removals of nothing", told)
        return found

    def _record(self) -> Sequence[str]:
        """Note the digests of shards that an earlier release made."""
        for shard in self.unrecorded:
            self.held.record_shard_files(self.version.index, shard)
        number = len(self.unrecorded)
        told = f"The files of {number} shards, which an earlier release made, have checksums from now on."
        return (told,) if number else ()

    def _add(self, kind: str, what: str) -> None:
        self.faults.append((kind, what))


def _difference(expected: bool, found: bool) -> str:
    if not found:
        return "is missing"
    return "was changed" if expected else "was not there"
