"""The mention graph of one reader: walks over it, its neighbourhoods, and its fingerprint."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from orchestrator.knowledge.pagerank import Adjacency
from orchestrator.ports import MentionEdges


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A document beside another: its title, by which names they are linked, and by how many passages."""

    title: str
    names: tuple[str, ...]
    passages: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A document, those that it names, and those that name it; the most often linked first.

    `left_out` counts what was more than was asked for.
    """

    title: str
    names: tuple[Neighbour, ...]
    named_by: tuple[Neighbour, ...]
    left_out: int = 0

    def json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


class MentionGraph:
    """Passages and the mentions between them, as one reader sees them."""

    def __init__(self, edges: MentionEdges) -> None:
        self.edges = edges

    @cached_property
    def adjacency(self) -> Adjacency:
        """The passages as nodes, with an edge each way for a mention."""
        return Adjacency.of(len(self.edges.passages), self.edges.sources, self.edges.targets)

    @cached_property
    def places(self) -> dict[str, int]:
        """The node of each passage."""
        return {passage: place for place, passage in enumerate(self.edges.passages)}

    def fingerprint(self) -> str:
        """A hash of the whole graph: equal for equal documents, however they came to be what they are."""
        edges, digest = self.edges, hashlib.sha256()
        for passage, document in zip(edges.passages, edges.documents.tolist(), strict=True):
            digest.update(f"{passage}\t{edges.titles[document]}\n".encode())
        for source, target, label in zip(
            edges.sources.tolist(), edges.targets.tolist(), edges.labels.tolist(), strict=True
        ):
            digest.update(f"{source}\t{target}\t{edges.names[label]}\n".encode())
        return digest.hexdigest()

    def documents(self, title: str) -> list[int]:
        """The documents of this title, as it is written or else in any case."""
        titles = self.edges.titles
        exact = [number for number, each in enumerate(titles) if each == title]
        return exact or [number for number, each in enumerate(titles) if each.casefold() == title.casefold()]

    def neighbourhood(self, document: int, *, most: int = 24) -> Neighbourhood:
        """What a document names and what names it, at most so many each."""
        edges = self.edges
        sources, targets = edges.documents[edges.sources], edges.documents[edges.targets]
        names, beyond = self._neighbours(np.flatnonzero(sources == document), targets, most)
        named_by, more = self._neighbours(np.flatnonzero(targets == document), sources, most)
        return Neighbourhood(edges.titles[document], names, named_by, beyond + more)

    def _neighbours(self, which: Any, documents: Any, most: int) -> tuple[tuple[Neighbour, ...], int]:
        edges = self.edges
        passages: dict[int, set[int]] = {}
        names: dict[int, Counter[str]] = {}
        for edge in which.tolist():
            other = int(documents[edge])
            passages.setdefault(other, set()).add(int(edges.sources[edge]))
            names.setdefault(other, Counter())[edges.names[int(edges.labels[edge])]] += 1
        order = sorted(passages, key=lambda other: (-len(passages[other]), edges.titles[other], other))
        return tuple(
            Neighbour(edges.titles[other], _by_number(names[other]), len(passages[other]))
            for other in order[:most]
        ), max(0, len(order) - most)


def _by_number(counted: Counter[str]) -> tuple[str, ...]:
    pairs: Iterable[tuple[str, int]] = counted.items()
    return tuple(name for name, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


@lru_cache(maxsize=4)
def graph_of(edges: MentionEdges) -> MentionGraph:
    """The graph of these very edges; those of the last few are kept."""
    return MentionGraph(edges)
