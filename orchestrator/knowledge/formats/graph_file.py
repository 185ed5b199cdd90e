"""A graph as files hold it, whatever their format: nodes with names, edges with relations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from orchestrator.ports import Entity, Fact, Name, Statements, Triple
from orchestrator.text.entity_names import entity_id, entity_key, folded


@dataclass(frozen=True, slots=True)
class Node:
    """An entity in a file. `id` is the file's own, empty where the name is all that identifies it.

    `documents` are those that name it, by the names that their authors know.
    """

    id: str
    name: str
    type: str = ""
    definition: str = ""
    aliases: tuple[str, ...] = ()
    document: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A fact in a file. `head` and `tail` are ids of nodes, or names where a file has no ids.

    `head_name` and `tail_name` are the names as this fact writes them, if it does; `document` says it.
    """

    head: str
    relation: str
    tail: str
    head_name: str = ""
    tail_name: str = ""
    valid_from: str = ""
    valid_until: str = ""
    weight: float = 1.0
    document: str = ""


@dataclass(slots=True)
class GraphFile:
    """What was read of a file. `left_out` counts nodes and edges without a name or a relation, by reason."""

    nodes: list[Node] = field(default_factory=list[Node])
    edges: list[Edge] = field(default_factory=list[Edge])
    left_out: dict[str, int] = field(default_factory=dict[str, int])

    def leave_out(self, reason: str) -> None:
        """Count what is left out."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def statements(file: GraphFile, tenant: str) -> dict[str, Statements]:
    """What a file says, by the document that says it; "" for what no document does.

    A node that this library exported from a graph where its name identified it is identified by it again.
    """
    named: dict[str, Name] = {}
    names: dict[str, list[Name]] = defaultdict(list)
    triples: dict[str, list[Triple]] = defaultdict(list)
    for node in file.nodes:
        if not folded(node.name):
            file.leave_out("nodes without a name")
            continue
        name = Name(node.name, _key(node, tenant), False, node.type, node.definition)
        # What several documents say of a node, they say of one node.
        named.setdefault(node.id or node.name, name)
        names[node.document].append(name)
        for alias in dict.fromkeys(node.aliases):
            if folded(alias) and alias != node.name:
                names[node.document].append(Name(alias, name.key, True))
    for edge in file.edges:
        head, tail = _end(edge.head, edge.head_name, named), _end(edge.tail, edge.tail_name, named)
        if head is None or tail is None or not edge.relation.strip():
            file.leave_out("edges without a name at an end, or without a relation")
            continue
        triples[edge.document].append(
            Triple(head, edge.relation, tail, edge.valid_from, edge.valid_until, edge.weight)
        )
    return {
        document: Statements(tuple(names[document]), tuple(triples[document]))
        for document in dict.fromkeys((*names, *triples))
    }


def _key(node: Node, tenant: str) -> str:
    for key in (entity_key(node.name, node.type), entity_key(node.name)):
        if node.id in ("", node.name, entity_id(tenant, key)):
            return key
    return node.id


def _end(end: str, written: str, named: Mapping[str, Name]) -> Name | None:
    """The end of an edge: the node of an id, under the name that the edge writes, or a name by itself."""
    found = named.get(end)
    if found is not None:
        if not written or written == found.name:
            return Name(found.name, found.key, False, found.type)
        return Name(written, found.key, True)
    return Name(written or end, entity_key(written or end)) if folded(written or end) else None


def graph_of(said: Iterable[Entity | Fact], documents: Mapping[str, str]) -> Iterator[Node | Edge]:
    """Entities and facts as nodes and edges; `documents` names the document of each passage."""
    for one in said:
        if isinstance(one, Entity):
            yield Node(one.id, one.name, one.type, one.definition, one.aliases)
        else:
            yield Edge(
                one.head,
                one.relation,
                one.tail,
                one.head_name,
                one.tail_name,
                one.valid_from,
                one.valid_until,
                one.weight,
                documents.get(one.passage, ""),
            )


def text_list(value: Any) -> tuple[str, ...]:
    """A list of texts from JSON, or from a text that holds JSON; one text where it holds none."""
    if isinstance(value, str):
        if not value:
            return ()
        try:
            value = json.loads(value) if value.startswith("[") else [value]
        except ValueError:
            value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(each for each in cast("list[Any]", value) if isinstance(each, str))


def number(value: Any, otherwise: float = 1.0) -> float:
    """A weight; `otherwise` for what is no finite number."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise
    return found if 0.0 <= found < float("inf") else otherwise


def text(value: Any) -> str:
    """A field as text; empty for what is missing."""
    return "" if value is None else str(value)
