"""The long documents of the trees that a reader may search: their names, and what is counted within them.

Both are kept from one question to the next, for a version of the index and the grants of a reader.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, TypeVar

from orchestrator.nodes.tree._search import Sources
from orchestrator.ports import SparseEncoder, TreeNode
from orchestrator.tree.long_document import LongDocument, portions_of
from orchestrator.tree.long_document_names import DocumentNames, Named
from orchestrator.types import Passage

#: Documents with fewer passages are left to other searches.
LEAST_PASSAGES = 8
#: Of a forest with more long documents, the largest are told apart by their names.
MOST_DOCUMENTS = 10_000
#: What is kept: the names of so many forests, the counts within so many documents.
_FORESTS, _COUNTED = 8, 32
T = TypeVar("T")


class _Kept(Generic[T]):
    """What was used last, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: Hashable, value: T) -> T:
        self._held[key] = value
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return value


@dataclass(frozen=True, slots=True)
class ForestDocuments:
    """The nodes of long documents, and their names, in the same order."""

    nodes: tuple[str, ...]
    names: DocumentNames


_forests: _Kept[ForestDocuments] = _Kept(_FORESTS)
_counted: _Kept[LongDocument] = _Kept(_COUNTED)


async def forest_documents(sources: Sources, roots: Sequence[str]) -> ForestDocuments:
    """The long documents below some roots."""
    key = (*_scope(sources), *roots)
    kept = _forests.get(key)
    if kept is not None:
        return kept
    found = await _document_nodes(sources, roots)
    found = sorted(found, key=lambda node: (-node.leaves, node.id))[:MOST_DOCUMENTS]
    first = await _first_passages(sources, found)
    held = [node for node in found if node.id in first]
    names = DocumentNames([_named(first[node.id]) for node in held])
    return _forests.put(key, ForestDocuments(tuple(node.id for node in held), names))


async def long_document(sources: Sources, node: str, encoder: SparseEncoder) -> LongDocument:
    """The passages below the node of a document that the reader may find."""
    key = (*_scope(sources), sources.filters, encoder.name, node)
    kept = _counted.get(key)
    if kept is not None:
        return kept
    beneath: list[str] = []
    waiting = [node]
    while waiting:
        level = await sources.trees.nodes(waiting, principal=sources.reader)
        beneath += [passage for one in level.values() for passage in one.passages]
        waiting = [child for one in level.values() for child in one.children]
    passages = sorted(
        (await sources.passages(beneath)).values(), key=lambda passage: (passage.position, passage.id)
    )
    vectors = await sources.vectors.vectors([one.id for one in passages], principal=sources.reader)
    return _counted.put(key, LongDocument(passages, vectors, encoder))


def _scope(sources: Sources) -> tuple[Hashable, ...]:
    reader = sources.reader
    return sources.vectors.version, reader.tenant, reader.grants


async def _document_nodes(sources: Sources, roots: Sequence[str]) -> list[TreeNode]:
    """Nodes of documents, down to which there are topics only. A tree of one document has it as its root."""
    found: list[TreeNode] = []
    waiting = list(roots)
    while waiting:
        level = await sources.trees.nodes(waiting, principal=sources.reader)
        below = [child for node in level.values() for child in node.children]
        inner = await sources.trees.nodes(below, principal=sources.reader)
        waiting = list[str]()
        for node in level.values():
            children = [inner[child] for child in node.children if child in inner]
            if any(child.kind in ("section", "part") for child in children):
                found.append(node)
                continue
            found.extend(child for child in children if child.kind == "document")
            waiting.extend(child.id for child in children if child.kind == "topic")
    return [node for node in found if node.leaves >= LEAST_PASSAGES]


async def _first_passages(sources: Sources, documents: Sequence[TreeNode]) -> Mapping[str, Passage]:
    """The first passage of each document: of those that hang on it, and on its first nodes."""
    of: dict[str, list[str]] = {node.id: list[str]() for node in documents}
    waiting = [(node.id, node) for node in documents]
    while waiting:
        for name, node in waiting:
            of[name] += node.passages[:1]
        children = [(name, node.children[0]) for name, node in waiting if node.children]
        read = await sources.trees.nodes([child for _, child in children], principal=sources.reader)
        waiting = [(name, read[child]) for name, child in children if child in read]
    asked = [passage for names in of.values() for passage in names]
    found = await sources.documents.passages(asked, principal=sources.reader)
    first: dict[str, Passage] = {}
    for name, passages in of.items():
        readable = [found[passage] for passage in passages if passage in found]
        if readable:
            first[name] = min(readable, key=lambda passage: (passage.position, passage.id))
    return first


def _named(first: Passage) -> Named:
    """The names of a document by its first passage, whose first page is the cover where it has pages."""
    beginning = next(portions_of(0, first))
    cover = beginning.text if beginning.page == 1 else ""
    return Named(first.title, PurePath(first.document).stem, cover)
