"""Property graphs of LlamaIndex: the file that `SimplePropertyGraphStore.persist` writes, or the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import BadInput
from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, number, text, text_list


def read(path: Path) -> GraphFile:
    """The graph of a file; BadInput if it is none of LlamaIndex's."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read as JSON: {error}.", hint="Check the file.") from None
    graph = _table(given)
    if not isinstance(graph.get("nodes"), dict) or not isinstance(graph.get("relations"), dict):
        raise BadInput(
            f"{path} is no property graph of LlamaIndex: it has no nodes and relations.",
            hint="Write one with `SimplePropertyGraphStore.persist`, or give JSON lines (.jsonl).",
        )
    return from_tables(_table(graph["nodes"]), _table(graph["relations"]).values())


def from_store(store: Any) -> GraphFile:
    """The graph of a `SimplePropertyGraphStore`, or of anything with `graph.nodes` and `graph.relations`."""
    graph = store.graph
    return from_tables(
        {one: each.model_dump() for one, each in graph.nodes.items()},
        (each.model_dump() for each in graph.relations.values()),
    )


def from_tables(nodes: Mapping[str, Any], relations: Iterable[Any]) -> GraphFile:
    """The graph of nodes and relations; chunks of text are no entities, and what ends in one is left out."""
    found = GraphFile()
    chunks: set[str] = set()
    for identifier, each in ((one, _table(each)) for one, each in nodes.items()):
        properties = _table(each.get("properties"))
        if "text" in each:
            chunks.add(identifier)
            continue
        name = text(each.get("name"))
        found.nodes.append(
            Node(
                identifier,
                text(properties.get("name") or name),
                _type(text(each.get("label"))),
                text(properties.get("definition") or properties.get("description")),
                text_list(properties.get("aliases")),
            )
        )
    for each in map(_table, relations):
        ends = text(each.get("source_id")), text(each.get("target_id"))
        if chunks.intersection(ends):
            continue
        properties = _table(each.get("properties"))
        found.edges.append(
            Edge(
                ends[0],
                text(each.get("label")),
                ends[1],
                valid_from=text(properties.get("valid_from")),
                valid_until=text(properties.get("valid_until")),
                weight=number(properties.get("weight", 1.0)),
            )
        )
    return found


def _type(label: str) -> str:
    """The type of a node; `entity` is what LlamaIndex calls one that has none."""
    return "" if label == "entity" else label


def _table(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
