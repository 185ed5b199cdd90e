"""The knowledge graph: entities and facts, with the passages and imports that say them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from orchestrator.types import DEFAULT_TENANT, PUBLIC, Principal

#: Changes of entities by hand, which can be undone.
EditKind = Literal["merge", "split", "rename"]


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as a reader knows it: by the names, type and definition that what he may read gives it.

    `id` is that of the entity that stands for all that were merged and that he may read. `support` is how
    many passages and imports name it.
    """

    id: str
    name: str
    type: str = ""
    definition: str = ""
    aliases: tuple[str, ...] = ()
    support: int = 1


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """An entity that a name may stand for. `share`, 0–1, is how much of what the name stands for it is.

    `name` is that of the entity, `written` the one that was asked for, as sources write it.
    """

    id: str
    name: str
    share: float = 1.0
    alias: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """The statement `head relation tail`, as a passage or an import says it.

    `head` and `tail` are ids of entities, whose names are as they were written there. `valid_from` and
    `valid_until` are dates as given, empty where unknown. `passage` is the id of the passage that says it,
    empty if it comes from an import alone; `source` and `labels` are then those of the import.
    """

    id: str
    head: str
    head_name: str
    relation: str
    tail: str
    tail_name: str
    passage: str = ""
    source: str = ""
    labels: tuple[str, ...] = ()
    valid_from: str = ""
    valid_until: str = ""
    weight: float = 1.0

    @property
    def passages(self) -> tuple[str, ...]:
        """The passage, if there is one."""
        return (self.passage,) if self.passage else ()

    @property
    def text(self) -> str:
        """The statement as a line, with its dates."""
        said = f"{self.head_name} {self.relation.replace('_', ' ')} {self.tail_name}"
        dates = [
            f"{word} {date}"
            for word, date in (("from", self.valid_from), ("until", self.valid_until))
            if date
        ]
        return f"{said} ({' '.join(dates)})" if dates else said

    def visible_to(self, principal: Principal) -> bool:
        """Whether a label of its import is granted; a passage's are checked where its text is read."""
        return not self.labels or not principal.grants.isdisjoint(self.labels)


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """An entity and facts about it, the best first."""

    entity: Entity
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the entities of a question, the best first of each. `note` says why there are none."""

    entities: tuple[EntityFacts, ...] = ()
    note: str = ""

    def __iter__(self) -> Iterator[Fact]:
        return (fact for each in self.entities for fact in each.facts)

    def __len__(self) -> int:
        return sum(len(each.facts) for each in self.entities)

    @property
    def passages(self) -> tuple[str, ...]:
        """The passages that say them, each once."""
        return tuple(dict.fromkeys(fact.passage for fact in self if fact.passage))

    def trace(self) -> dict[str, Any]:
        """The entities and how many facts each has, by ids."""
        return {"entities": {each.entity.id: len(each.facts) for each in self.entities}}


@dataclass(frozen=True, slots=True)
class Name:
    """A name of an entity, as a source writes it.

    `key` identifies the entity within its tenant: an id that the source gives it, or `entity_key`. `alias`
    names are not shown where there is another. `weight` says how sure it is that the name stands for it.
    """

    name: str
    key: str
    alias: bool = False
    type: str = ""
    definition: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Triple:
    """A statement to be stored; both ends are names, whose entities are named by their keys."""

    head: Name
    relation: str
    tail: Name
    valid_from: str = ""
    valid_until: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Statements:
    """What one source says: names of entities, and facts. The ends of facts are names by themselves.

    A source is a passage, an import, or a passage as an import reads it.
    """

    names: tuple[Name, ...] = ()
    triples: tuple[Triple, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """A file of statements that was imported: its tenant and labels say who may read them."""

    name: str
    tenant: str = DEFAULT_TENANT
    labels: tuple[str, ...] = (PUBLIC,)


@dataclass(frozen=True, slots=True)
class Edit:
    """An entry of the journal of changes by hand.

    `entities` are the ids that it names, the one that is kept first. `documents` are those that a split
    takes away, `name` is a new name. `undone` is when it was undone, None if it holds.
    """

    number: int
    kind: EditKind
    entities: tuple[str, ...]
    documents: tuple[str, ...] = ()
    name: str = ""
    by: str = ""
    at: float = 0.0
    undone: float | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What became of the extraction from a passage: `content` under `key`, or the `error` that stopped it.

    `contract` covers the schema and whoever extracts, `key` the tenant and the text as well: equal keys have
    equal content.
    """

    passage: str
    contract: str
    key: str
    content: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Unextracted:
    """A passage without an extraction by the contract that holds now."""

    id: str
    title: str
    text: str
    tenant: str
    document: str


@dataclass(frozen=True, slots=True)
class KnowledgeCounts:
    """How much of a graph a reader may read."""

    entities: int = 0
    names: int = 0
    facts: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All names that a reader may read, folded, with the entities that each may stand for.

    One object as long as nobody changes anything: `kept` is for what is derived from it, such as vectors.
    """

    names: Mapping[str, tuple[NamedEntity, ...]] = field(default_factory=dict[str, tuple[NamedEntity, ...]])
    kept: dict[Any, Any] = field(default_factory=dict[Any, Any], compare=False, repr=False)


@runtime_checkable
class KnowledgeStore(Protocol):
    """Entities and facts of one index, and who may read them.

    A name or fact is there for a reader if he may read the passage that says it, and the import that brought
    it; an entity if one of its names is. What he gets is what a graph without the rest would give, to the
    byte. Facts follow the documents of the index; ids of entities depend on tenant and key alone.
    """

    async def named(
        self, names: Sequence[str], *, principal: Principal
    ) -> dict[str, tuple[NamedEntity, ...]]:
        """What each of these folded names may stand for, the likeliest first; nothing for unknown ones."""
        ...

    async def entities(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Entity]:
        """The entities that there are for the reader, by the ids that were asked for."""
        ...

    async def facts(self, entity: str, *, principal: Principal, limit: int = 2000) -> tuple[Fact, ...]:
        """The facts that begin or end in an entity, or in one that it was merged with, in a fixed order."""
        ...

    async def said(self, passages: Sequence[str], *, principal: Principal) -> dict[str, tuple[Fact, ...]]:
        """The facts that each of these passages says, in a fixed order; those that say none are left out."""
        ...

    async def passages(
        self, entities: Sequence[str], *, principal: Principal, most: int | None = None
    ) -> dict[str, tuple[str, ...]]:
        """The passages that name each of these entities, or one that it was merged with, by id.

        Entities that no passage names are left out, and those that more than `most` passages name.
        """
        ...

    async def vocabulary(self, *, principal: Principal) -> Vocabulary:
        """All names that the reader may read."""
        ...

    async def counts(self, *, principal: Principal) -> KnowledgeCounts:
        """How much of the graph a reader may read."""
        ...

    def export(self, *, principal: Principal) -> Iterator[Entity | Fact]:
        """All entities by rising id, then all facts, as the reader may read them."""
        ...

    async def put(self, said: Mapping[str, Statements], *, extractions: Sequence[Extraction] = ()) -> int:
        """Put what passages say, by their ids, in the place of what they said before; how many are there.

        `extractions` say where that came from, or why it is not known, and are kept in the same transaction.
        """
        ...

    async def put_import(
        self, given: Import, said: Statements, by_passage: Mapping[str, Statements] | None = None
    ) -> None:
        """Put an import in the place of the one of its name: what it says itself, and of passages.

        Documents whose titles are names of its entities are linked to them, those to come as well.
        """
        ...

    async def remove_import(self, name: str, *, tenant: str) -> bool:
        """Remove an import and all that it says; whether there was one."""
        ...

    async def imports(self, *, principal: Principal) -> tuple[Import, ...]:
        """The imports that a reader may read, by name."""
        ...

    async def edit(
        self,
        kind: EditKind,
        entities: Sequence[str],
        *,
        principal: Principal,
        documents: Sequence[str] = (),
        name: str = "",
    ) -> Edit:
        """Merge, split or rename entities, as an entry of the journal. BadInput if they are not there.

        A merge is of the first with all others. A split takes what `documents` say of an entity away
        from it, to an entity of its own, whose id is the second of the entry. A new name is shown to all.
        """
        ...

    async def undo(self, number: int, *, principal: Principal) -> Edit:
        """Undo an entry of the journal; BadInput if there is none, or a later one stands on it."""
        ...

    async def journal(self, *, principal: Principal) -> tuple[Edit, ...]:
        """The entries of the principal's tenant, the oldest first."""
        ...

    async def unextracted(self, contract: str, *, after: str = "", limit: int = 200) -> list[Unextracted]:
        """Passages whose extraction is none of `contract`'s or failed, by rising id; to whoever extracts."""
        ...

    async def extracted(self, keys: Sequence[str]) -> dict[str, str]:
        """The contents that are kept under keys, of whichever passage."""
        ...

    async def failures(self) -> list[Extraction]:
        """The extractions that failed, by passage."""
        ...

    def fingerprint(self) -> str:
        """A hash of all names and facts: equal for graphs that say the same of the same documents."""
        ...
