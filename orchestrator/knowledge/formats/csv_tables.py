"""Graphs as two CSV files, nodes and edges, with the headers of neo4j's import.

Nodes: `id:ID,name,definition,aliases,:LABEL`, aliases as JSON. Edges: `:START_ID,:END_ID,:TYPE,…`. Other
tools' files are read if they name their columns so, or `id`, `source`, `target`, `relation`.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from orchestrator.errors import BadInput
from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, number, text_list

NODE_COLUMNS = ("id:ID", "name", "definition", "aliases", ":LABEL")
EDGE_COLUMNS = (
    ":START_ID",
    ":END_ID",
    ":TYPE",
    "head_name",
    "tail_name",
    "valid_from",
    "valid_until",
    "weight:double",
    "document",
)
_ID = ("id", "_id", "node")
_HEAD = (":start_id", "source", "head", "subject", "from", "start")
_TAIL = (":end_id", "target", "tail", "object", "to", "end")
_RELATION = (":type", "relation", "predicate", "type", "label")


def read(paths: Iterable[Path]) -> GraphFile:
    """The graph of files, each of which has nodes or edges, as its header says; BadInput for others."""
    found = GraphFile()
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, restkey="", restval="")
                _read(path, rows, found)
        except FileNotFoundError:
            raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise BadInput(f"{path} cannot be read as CSV: {error}.", hint="Save it as UTF-8.") from None
    return found


def write(given: Iterable[Node | Edge], nodes: IO[str], edges: IO[str]) -> None:
    """Write nodes and edges to two open files."""
    import json

    node_rows, edge_rows = csv.writer(nodes), csv.writer(edges)
    node_rows.writerow(NODE_COLUMNS)
    edge_rows.writerow(EDGE_COLUMNS)
    for one in given:
        if isinstance(one, Node):
            aliases = json.dumps(one.aliases, ensure_ascii=False) if one.aliases else ""
            node_rows.writerow((one.id, one.name, one.definition, aliases, one.type.replace(";", ",")))
        else:
            edge_rows.writerow(
                (
                    one.head,
                    one.tail,
                    one.relation,
                    one.head_name,
                    one.tail_name,
                    one.valid_from,
                    one.valid_until,
                    one.weight,
                    one.document,
                )
            )


def _read(path: Path, rows: csv.DictReader[str], found: GraphFile) -> None:
    columns = {_plain(name): name for name in rows.fieldnames or () if name}
    head, tail, relation = (_first(columns, names) for names in (_HEAD, _TAIL, _RELATION))
    if head and tail and relation:
        for row in rows:
            found.edges.append(
                Edge(
                    row[head],
                    row[relation],
                    row[tail],
                    head_name=_value(row, columns, "head_name"),
                    tail_name=_value(row, columns, "tail_name"),
                    valid_from=_value(row, columns, "valid_from"),
                    valid_until=_value(row, columns, "valid_until"),
                    weight=number(_value(row, columns, "weight") or 1.0),
                    document=_value(row, columns, "document"),
                )
            )
        return
    identifier, name = _first(columns, _ID), columns.get("name")
    if name is None:
        raise BadInput(
            f"{path} has neither nodes nor edges: its columns are {', '.join(columns) or 'none'}.",
            hint=f"Nodes have {', '.join(NODE_COLUMNS)}; edges {', '.join(EDGE_COLUMNS[:3])}.",
        )
    for row in rows:
        kind = _value(row, columns, ":label") or _value(row, columns, "type")
        found.nodes.append(
            Node(
                row[identifier] if identifier else "",
                row[name],
                kind.split(";")[0],
                _value(row, columns, "definition"),
                text_list(_value(row, columns, "aliases")),
            )
        )


def _plain(name: str) -> str:
    """The name of a column without its type, `id:ID` as `id`; those that are a type alone stay."""
    bare = name.strip().lower()
    before, colon, _ = bare.partition(":")
    return before if colon and before else bare.partition("(")[0]


def _first(columns: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _value(row: Mapping[str, str], columns: Mapping[str, str], name: str) -> str:
    return (row.get(columns[name]) or "") if name in columns else ""
