"""Entity resolution: which entities of a graph are one, by name, type and what is said of them.

Names are put into blocks by MinHash of their trigrams, so that not each is compared with each. What shares
a block is tested: types must not contradict each other, no word or number may tell the names apart, no fact
may join the two, and the less alike the names are, the more of what is said of them must be the same.
The blocks are NLSHBlock's idea, with trigrams in the place of a learned hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.knowledge.minhash import LARGEST, NameBlocks
from orchestrator.knowledge.name_likeness import likeness
from orchestrator.ports import Edit, Entity, Fact, KnowledgeStore
from orchestrator.text.entity_names import folded
from orchestrator.types import Principal


@dataclass(frozen=True, slots=True)
class MergeTest:
    """How alike names must be to be one: `alone`, or `beside` where something else speaks for it.

    What speaks for it is a neighbour in common, or equal types. Names without either must be equal.
    """

    alone: float = 0.8
    beside: float = 0.6


@dataclass(frozen=True, slots=True)
class Proposal:
    """Entities that are likely one: the one to keep, the others, and how sure that is, 0–1."""

    keep: Entity
    others: tuple[Entity, ...]
    score: float

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all, that of the one to keep first."""
        return (self.keep.id, *(each.id for each in self.others))


def proposals(
    given: Iterable[Entity | Fact], *, apart: Collection[frozenset[str]] = (), test: MergeTest | None = None
) -> list[Proposal]:
    """The merges that an export of a graph suggests, the surest first.

    `apart` are pairs of entities that are not one, whatever they are called.
    """
    graph = _Graph(given)
    pairs = sorted(
        (-score, pair) for pair in _candidates(graph) if (score := graph.likeness(*pair, test or MergeTest()))
    )
    found: dict[str, set[str]] = {}
    scores: dict[str, float] = {}
    refused = set(apart)
    for falling, (left, right) in pairs:
        mine, theirs = found.get(left, {left}), found.get(right, {right})
        if mine is theirs or any(graph.apart(a, b, refused) for a in mine for b in theirs):
            continue
        group = mine | theirs
        score = min(scores.get(left, 1.0), scores.get(right, 1.0), -falling)
        found.update(dict.fromkeys(group, group))
        scores.update(dict.fromkeys(group, score))
    groups = {min(group): group for group in found.values()}
    made = [
        _proposal([graph.entities[one] for one in group], scores[first]) for first, group in groups.items()
    ]
    return sorted(made, key=lambda each: (-each.score, each.ids))


async def proposed(
    store: KnowledgeStore, principal: Principal, *, test: MergeTest | None = None
) -> list[Proposal]:
    """The merges that the graph suggests to a reader; what was merged before and undone is not proposed."""
    undone = [edit for edit in await store.journal(principal=principal) if edit.undone is not None]
    apart = {pair for edit in undone for pair in _pairs(edit)}
    return proposals(store.export(principal=principal), apart=apart, test=test)


async def merge_all(
    store: KnowledgeStore, principal: Principal, *, test: MergeTest | None = None
) -> list[Edit]:
    """Merge what the graph suggests: an entry of the journal each, so that each can be undone."""
    return [
        await store.edit("merge", each.ids, principal=principal)
        for each in await proposed(store, principal, test=test)
    ]


def _pairs(edit: Edit) -> Iterator[frozenset[str]]:
    if edit.kind == "merge":
        yield from (frozenset((edit.entities[0], other)) for other in edit.entities[1:])


def _proposal(group: Sequence[Entity], score: float) -> Proposal:
    """Keep what most sources name, of equals the one whose name is longest."""
    first, *others = sorted(group, key=lambda one: (-one.support, -len(one.name), one.name, one.id))
    return Proposal(first, tuple(others), round(score, 4))


class _Graph:
    """Entities with their folded names and neighbours."""

    def __init__(self, given: Iterable[Entity | Fact]) -> None:
        self.entities: dict[str, Entity] = {}
        self.neighbours: Mapping[str, set[str]] = defaultdict(set)
        for one in given:
            if isinstance(one, Entity):
                self.entities[one.id] = one
            elif one.head != one.tail:
                self.neighbours[one.head].add(one.tail)
                self.neighbours[one.tail].add(one.head)
        self.names = {one.id: _folded_names(one) for one in self.entities.values()}

    def apart(self, left: str, right: str, refused: Collection[frozenset[str]]) -> bool:
        """Whether two entities are not one, whatever their names: by type, a fact, or somebody's word."""
        types = {self.entities[left].type.casefold(), self.entities[right].type.casefold()} - {""}
        joined = right in self.neighbours.get(left, ())
        return len(types) > 1 or joined or frozenset((left, right)) in refused

    def likeness(self, left: str, right: str, test: MergeTest) -> float:
        """How sure it is that two entities are one; 0 if it is not sure enough."""
        if self.apart(left, right, ()):
            return 0.0
        alike = max(likeness(a, b) for a in self.names[left] for b in self.names[right])
        mine, theirs = self.neighbours.get(left, set[str]()), self.neighbours.get(right, set[str]())
        common = len(mine & theirs) / min(len(mine), len(theirs)) if mine and theirs else 0.0
        typed = bool(self.entities[left].type) and bool(self.entities[right].type)
        if alike < (test.beside if common or typed else test.alone):
            return 0.0
        # Things of one name are told apart by what is said of them: without a word in common, they stay so.
        if self.names[left] & self.names[right] and mine and theirs and not (common or typed):
            return 0.0
        return alike + (1.0 - alike) * common


def _folded_names(one: Entity) -> frozenset[str]:
    return frozenset(name for name in map(folded, (one.name, *one.aliases)) if name)


def _candidates(graph: _Graph) -> set[tuple[str, str]]:
    """Pairs of entities with a name in common, or names that share a block."""
    holders: dict[str, list[str]] = defaultdict(list)
    for one, names in graph.names.items():
        for name in names:
            holders[name].append(one)
    found: set[tuple[str, str]] = set()
    for several in holders.values():
        if len(several) > LARGEST:
            continue
        found.update(_ordered(a, b) for n, a in enumerate(several) for b in several[n + 1 :])
    for left, right in NameBlocks(sorted(holders)).pairs():
        found.update(_ordered(a, b) for a in holders[left] for b in holders[right] if a != b)
    return found


def _ordered(left: str, right: str) -> tuple[str, str]:
    return (left, right) if left < right else (right, left)
