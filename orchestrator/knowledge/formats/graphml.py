"""Graphs as GraphML, by networkx, which any tool for graphs reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, number, text, text_list

#: What XML cannot hold.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path: Path) -> GraphFile:
    """The graph of a file. A node without a `name` has its `label` or its id for one."""
    import networkx as nx  # pyright: ignore[reportMissingTypeStubs]
    from defusedxml import ElementTree as SafeXml  # pyright: ignore[reportMissingTypeStubs]

    networkx: Any = nx
    try:
        # What is read next knows no limits: a file with entities of its own is refused first.
        SafeXml.parse(path, forbid_dtd=True)  # pyright: ignore[reportUnknownMemberType]
        graph = networkx.read_graphml(path, force_multigraph=True)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path} cannot be read as GraphML: {reason}.", hint="Check the file.") from None
    found = GraphFile()
    for identifier, values in graph.nodes(data=True):
        found.nodes.append(
            Node(
                text(identifier),
                text(values.get("name") or values.get("label") or identifier),
                text(values.get("type")),
                text(values.get("definition")),
                text_list(values.get("aliases")),
            )
        )
    for head, tail, key, values in graph.edges(keys=True, data=True):
        relation = (
            values.get("relation") or values.get("label") or (key if isinstance(key, str) else "related to")
        )
        found.edges.append(
            Edge(
                text(head),
                text(relation),
                text(tail),
                head_name=text(values.get("head_name")),
                tail_name=text(values.get("tail_name")),
                valid_from=text(values.get("valid_from")),
                valid_until=text(values.get("valid_until")),
                weight=number(values.get("weight", 1.0)),
                document=text(values.get("document")),
            )
        )
    return found


def networkx_graph(given: Iterable[Node | Edge]) -> Any:
    """The graph as a `networkx.MultiDiGraph`, for its algorithms and formats."""
    import networkx as nx  # pyright: ignore[reportMissingTypeStubs]

    networkx: Any = nx
    graph = networkx.MultiDiGraph()
    for one in given:
        if isinstance(one, Node):
            values: dict[str, Any] = {
                "name": one.name,
                "type": one.type,
                "definition": one.definition,
                "aliases": json.dumps(one.aliases, ensure_ascii=False) if one.aliases else "",
            }
            graph.add_node(one.id, **_said(values))
        else:
            values = {
                "relation": one.relation,
                "head_name": one.head_name,
                "tail_name": one.tail_name,
                "valid_from": one.valid_from,
                "valid_until": one.valid_until,
                "document": one.document,
            }
            graph.add_edge(one.head, one.tail, weight=one.weight, **_said(values))
    return graph


def write(given: Iterable[Node | Edge], path: Path) -> None:
    """Write the graph; characters that XML cannot hold are left out."""
    import networkx as nx  # pyright: ignore[reportMissingTypeStubs]

    networkx: Any = nx
    networkx.write_graphml(networkx_graph(given), path)


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _UNWRITABLE.sub("", value) for key, value in values.items() if value}
