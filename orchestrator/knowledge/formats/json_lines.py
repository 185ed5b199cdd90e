"""Graphs as JSON lines: this library's own, and the `triples.jsonl` and `concepts.jsonl` of data sets.

A line is one of these: `{"node": id, "name", "type", "definition", "aliases"}`; `{"head": id, "relation",
"tail": id, "head_name", "tail_name", "valid_from", "valid_until", "weight", "document"}`; `{"_id": document,
"entities": [name], "triples": [[subject, predicate, object]]}`; `{"_id": id, "name", "types", "aliases"}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, number, text, text_list
from orchestrator.text.numbered_lines import identifier, objects


def read(path: Path) -> GraphFile:
    """The graph of a file; BadInput for a line that is none of the four."""
    found = GraphFile()
    for line, entry in objects(path):
        if "node" in entry:
            found.nodes.append(_node(text(entry["node"]), entry))
        elif "relation" in entry:
            found.edges.append(_edge(entry))
        elif "triples" in entry:
            _said(identifier(line, entry.get("_id"), "_id"), entry, found)
        elif "name" in entry:
            found.nodes.append(_node(identifier(line, entry.get("_id"), "_id"), entry))
        else:
            line.fault(
                "is neither a node nor an edge",
                'Give {"node": …, "name": …}, {"head": …, "relation": …, "tail": …}, '
                '{"_id": …, "triples": […]} or {"_id": …, "name": …, "aliases": […]}.',
            )
    return found


def write(given: Iterable[Node | Edge], file: IO[str]) -> None:
    """Write nodes and edges, one a line, without fields that say nothing."""
    for one in given:
        if isinstance(one, Node):
            entry: dict[str, Any] = {
                "node": one.id,
                "name": one.name,
                "type": one.type,
                "definition": one.definition,
                "aliases": list(one.aliases),
            }
        else:
            entry = {
                "head": one.head,
                "relation": one.relation,
                "tail": one.tail,
                "head_name": one.head_name,
                "tail_name": one.tail_name,
                "valid_from": one.valid_from,
                "valid_until": one.valid_until,
                "weight": one.weight,
                "document": one.document,
            }
        kept = {
            key: value for key, value in entry.items() if value not in ("", []) and (key, value) != _PLAIN
        }
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")


_PLAIN = ("weight", 1.0)


def _node(identifier: str, entry: dict[str, Any]) -> Node:
    types = text_list(entry.get("types"))
    return Node(
        identifier,
        text(entry.get("name")),
        text(entry.get("type") or entry.get("group") or next(iter(types), "")),
        text(entry.get("definition")),
        text_list(entry.get("aliases")),
    )


def _edge(entry: dict[str, Any]) -> Edge:
    return Edge(
        text(entry.get("head")),
        text(entry.get("relation")),
        text(entry.get("tail")),
        text(entry.get("head_name")),
        text(entry.get("tail_name")),
        text(entry.get("valid_from")),
        text(entry.get("valid_until")),
        number(entry.get("weight", 1.0)),
        text(entry.get("document")),
    )


def _said(document: str, entry: dict[str, Any], found: GraphFile) -> None:
    """What a document says. Models that extract triples write some of two parts: these are counted."""
    for name in text_list(entry.get("entities")):
        found.nodes.append(Node("", name, document=document))
    given: Any = entry["triples"]
    for triple in cast("list[Any]", given) if isinstance(given, list) else ():
        parts = text_list(triple)
        if isinstance(triple, list) and len(cast("list[Any]", triple)) == len(parts) == 3:
            found.edges.append(Edge(parts[0], parts[1], parts[2], document=document))
        else:
            found.leave_out("triples that are not [subject, predicate, object]")
