"""Import and export of graphs: files of any format, and the graph of an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from orchestrator.errors import BadInput
from orchestrator.knowledge.formats import csv_tables, graphml, json_lines, property_graph, rdf
from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, graph_of, statements
from orchestrator.ports import (
    Documents,
    Entity,
    Fact,
    Import,
    IndexRegistry,
    KnowledgeStore,
    PassageRow,
    Statements,
    Triple,
)
from orchestrator.text.entity_names import folded, folded_words
from orchestrator.types import Principal

Format = Literal["jsonl", "csv", "graphml", "nt", "ttl", "json"]
_BY_SUFFIX: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".graphml": "graphml",
    ".nt": "nt",
    ".ttl": "ttl",
    ".json": "json",
}
KNOWN = "JSON lines (.jsonl), CSV (.csv, nodes and edges), GraphML (.graphml), N-Triples (.nt), Turtle (.ttl)"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import: what it put into the graph, documents that are unknown, what was left out."""

    name: str
    nodes: int
    edges: int
    linked_documents: int
    unknown_documents: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The result of an export: the files, and how many nodes and edges they hold."""

    files: tuple[Path, ...]
    nodes: int
    edges: int


def format_of(path: Path) -> Format:
    """The format of a file, by its name; BadInput for another."""
    found = _BY_SUFFIX.get("".join(path.suffixes[-1:]).lower())
    if found is None:
        raise BadInput(f"The format of {path} is not known.", hint=f"Known are {KNOWN}.")
    return found


def read_graph(paths: Sequence[Path]) -> GraphFile:
    """The graph of files, together: CSV has two, nodes and edges."""
    found = GraphFile()
    for format, group in _grouped(paths):
        if format == "csv":
            parts = [csv_tables.read(group)]
        else:
            parts = [_read_one(path, format) for path in group]
        for part in parts:
            found.nodes += part.nodes
            found.edges += part.edges
            for reason, number in part.left_out.items():
                found.left_out[reason] = found.left_out.get(reason, 0) + number
    return found


async def import_graph(
    paths: Sequence[Path], index: str, given: Import, store: KnowledgeStore, registry: IndexRegistry
) -> ImportReport:
    """Import files under one name, in the place of what was imported under it before.

    What a file says of a document of the index and the import's tenant belongs to the passage that names
    it: whoever may read both finds it. What it says of documents that are not there is left out.
    """
    file = read_graph(paths)
    said = statements(file, given.tenant)
    alone = said.pop("", Statements())
    passages = _passages(registry, index, given.tenant, said.keys())
    by_passage: dict[str, Statements] = {}
    for document, each in said.items():
        if document in passages:
            by_passage |= dict(_by_passage(passages[document], each))
    await store.put_import(given, alone, by_passage)
    unknown = tuple(sorted(said.keys() - passages.keys()))
    kept = [alone, *by_passage.values()]
    return ImportReport(
        given.name,
        sum(len(each.names) for each in kept),
        sum(len(each.triples) for each in kept),
        len(said) - len(unknown),
        unknown,
        tuple(sorted(file.left_out.items())),
    )


async def export_graph(
    path: Path, store: KnowledgeStore, documents: Documents, *, principal: Principal
) -> ExportReport:
    """Export what a principal may read to a file of the format that its name says.

    CSV has two files, `NAME-nodes.csv` and `NAME-edges.csv`.
    """
    format = format_of(path)
    given = list(store.export(principal=principal))
    ids = sorted({one.passage for one in given if isinstance(one, Fact) and one.passage})
    of: dict[str, str] = {}
    for part in _parts(ids, 1_000):
        found = await documents.passages(part, principal=principal)
        of.update((one, passage.document) for one, passage in found.items())
    files = write_graph(path, format, graph_of(given, of))
    entities = sum(isinstance(one, Entity) for one in given)
    return ExportReport(files, entities, len(given) - entities)


def write_graph(path: Path, format: Format, given: Iterable[Node | Edge]) -> tuple[Path, ...]:
    """Write nodes and edges; the files that there are then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "csv":
        files = tuple(path.with_name(f"{path.stem}-{part}.csv") for part in ("nodes", "edges"))
        with (
            files[0].open("w", encoding="utf-8", newline="") as nodes,
            files[1].open("w", encoding="utf-8", newline="") as edges,
        ):
            csv_tables.write(given, nodes, edges)
        return files
    if format == "jsonl":
        with path.open("w", encoding="utf-8", newline="\n") as file:
            json_lines.write(given, file)
    elif format == "graphml":
        graphml.write(given, path)
    elif format == "json":
        raise BadInput(
            "Graphs are not written as LlamaIndex's property graphs.", hint=f"Formats to write: {KNOWN}."
        )
    else:
        rdf.write(given, path, "nt" if format == "nt" else "turtle")
    return (path,)


def _grouped(paths: Sequence[Path]) -> Iterator[tuple[Format, list[Path]]]:
    found: dict[Format, list[Path]] = {}
    for path in paths:
        found.setdefault(format_of(path), []).append(path)
    yield from found.items()


def _read_one(path: Path, format: Format) -> GraphFile:
    if format == "jsonl":
        return json_lines.read(path)
    if format == "graphml":
        return graphml.read(path)
    if format == "json":
        return property_graph.read(path)
    return rdf.read(path, "nt" if format == "nt" else "turtle")


def _passages(
    registry: IndexRegistry, index: str, tenant: str, wanted: Iterable[str]
) -> dict[str, list[PassageRow]]:
    """The passages of documents by the names that their authors know."""
    names, found, after = set(wanted), dict[str, list[PassageRow]](), ""
    while names and (rows := registry.documents(index, after=after)):
        after = rows[-1].id
        for row in rows:
            if row.tenant == tenant and row.document in names:
                found.setdefault(row.document, []).extend(row.passages)
    return {name: sorted(each, key=lambda passage: passage.position) for name, each in found.items()}


def _by_passage(passages: Sequence[PassageRow], said: Statements) -> Iterator[tuple[str, Statements]]:
    """Each passage with the names and facts whose head it names; the first has those that none does."""
    texts = [f" {folded_words(passage.text)} " if len(passages) > 1 else "" for passage in passages]

    def where(name: str) -> int:
        return next((n for n, text in enumerate(texts) if f" {folded(name)} " in text), 0)

    def at(triple: Triple) -> int:
        return where(triple.head.name)

    for n, passage in enumerate(passages):
        names = tuple(name for name in said.names if where(name.name) == n)
        yield passage.id, Statements(names, tuple(triple for triple in said.triples if at(triple) == n))


def _parts(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    left = chain(ids)
    while part := list(islice(left, size)):
        yield part
