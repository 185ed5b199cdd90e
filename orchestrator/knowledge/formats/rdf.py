"""Graphs as RDF, N-Triples or Turtle, by rdflib (`pip install 'orchestrator-rag[rdf]'`).

An entity is `urn:orchestrator:entity:ID` with `rdfs:label`, `skos:altLabel`, `skos:definition` and
`rdf:type`; a fact is a triple, and where it has dates or a weight an `rdf:Statement` about it besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote, unquote

from orchestrator.errors import BadInput, SettingsError
from orchestrator.knowledge.formats.graph_file import Edge, GraphFile, Node, number

ENTITY = "urn:orchestrator:entity:"
RELATION = "urn:orchestrator:relation:"
TYPE = "urn:orchestrator:type:"
FIELD = "urn:orchestrator:field:"
_FIELDS = ("head_name", "tail_name", "valid_from", "valid_until", "document")

Syntax = Literal["nt", "turtle"]


def read(path: Path, syntax: Syntax) -> GraphFile:
    """The graph of a file. Names are labels, or ends of addresses; literals are entities by their text."""
    rdflib = _rdflib()
    graph = rdflib.Graph()
    try:
        graph.parse(source=str(path), format=syntax)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadInput(f"{path} cannot be read as RDF: {reason}.", hint="Check the file.") from None
    said, triples = _reified(graph, rdflib), _facts(graph, rdflib)
    known = _nodes(graph, rdflib, {end for head, _, tail in triples for end in (head, tail)})
    found = GraphFile(list(known.values()))
    for head, relation, tail in triples:
        ends = [_identifier(end) if end in known else _name(end) for end in (head, tail)]
        for values in said.get((head, relation, tail)) or [dict[str, str]()]:
            texts = {name: values[name] for name in _FIELDS if name in values}
            weight = number(values.get("weight", 1.0))
            found.edges.append(Edge(ends[0], _name(relation), ends[1], weight=weight, **texts))
    return found


def write(given: Iterable[Node | Edge], path: Path, syntax: Syntax) -> None:
    """Write the graph."""
    rdflib = _rdflib()
    graph = rdflib.Graph()
    graph.bind("skos", rdflib.SKOS)
    nodes_and_edges = list(given)
    alike = Counter(_triple(one) for one in nodes_and_edges if isinstance(one, Edge))
    for one in nodes_and_edges:
        if isinstance(one, Node):
            node = rdflib.URIRef(ENTITY + quote(one.id, safe=""))
            graph.add((node, rdflib.RDFS.label, rdflib.Literal(one.name)))
            for alias in one.aliases:
                graph.add((node, rdflib.SKOS.altLabel, rdflib.Literal(alias)))
            if one.definition:
                graph.add((node, rdflib.SKOS.definition, rdflib.Literal(one.definition)))
            if one.type:
                graph.add((node, rdflib.RDF.type, rdflib.URIRef(TYPE + quote(one.type, safe=""))))
        else:
            _write_edge(graph, rdflib, one, alone=alike[_triple(one)] == 1)
    graph.serialize(destination=str(path), format=syntax, encoding="utf-8")


def _triple(edge: Edge) -> tuple[str, str, str]:
    return edge.head, edge.relation, edge.tail


def _write_edge(graph: Any, rdflib: Any, edge: Edge, *, alone: bool) -> None:
    head, tail = (rdflib.URIRef(ENTITY + quote(end, safe="")) for end in (edge.head, edge.tail))
    relation = rdflib.URIRef(RELATION + quote(edge.relation, safe=""))
    graph.add((head, relation, tail))
    values = {name: getattr(edge, name) for name in _FIELDS}
    values["weight"] = "" if edge.weight == 1.0 else repr(edge.weight)
    # RDF holds a triple once: facts that differ in what is said about them need a statement each.
    if alone and not any(values.values()):
        return
    statement = rdflib.BNode()
    graph.add((statement, rdflib.RDF.type, rdflib.RDF.Statement))
    graph.add((statement, rdflib.RDF.subject, head))
    graph.add((statement, rdflib.RDF.predicate, relation))
    graph.add((statement, rdflib.RDF.object, tail))
    for name, value in values.items():
        if value:
            graph.add((statement, rdflib.URIRef(FIELD + name), rdflib.Literal(value)))


def _facts(graph: Any, rdflib: Any) -> list[Any]:
    """The triples that are facts: not names, types or definitions, nor about other triples."""
    about = {rdflib.RDFS.label, rdflib.SKOS.prefLabel, rdflib.SKOS.altLabel, rdflib.SKOS.definition}
    statements = {each for each, _, _ in graph.triples((None, rdflib.RDF.type, rdflib.RDF.Statement))}
    return [
        (head, relation, tail)
        for head, relation, tail in sorted(graph)
        if relation not in about and relation != rdflib.RDF.type and head not in statements
    ]


def _nodes(graph: Any, rdflib: Any, ends: Collection[Any]) -> dict[Any, Node]:
    """What has a name, type or definition, and every other address at an end of a fact."""
    labels: dict[Any, str] = {}
    for relation in (rdflib.RDFS.label, rdflib.SKOS.prefLabel):
        for node, _, label in sorted(graph.triples((None, relation, None))):
            labels.setdefault(node, str(label))
    aliases: dict[Any, list[str]] = {}
    for node, _, label in sorted(graph.triples((None, rdflib.SKOS.altLabel, None))):
        aliases.setdefault(node, []).append(str(label))
    definitions = {node: str(each) for node, _, each in graph.triples((None, rdflib.SKOS.definition, None))}
    types = {
        node: _name(kind)
        for node, _, kind in sorted(graph.triples((None, rdflib.RDF.type, None)))
        if kind != rdflib.RDF.Statement
    }
    addresses = {end for end in ends if isinstance(end, rdflib.URIRef)}
    return {
        node: Node(
            _identifier(node),
            labels.get(node, _name(node)),
            types.get(node, ""),
            definitions.get(node, ""),
            tuple(aliases.get(node, ())),
        )
        for node in sorted({*labels, *aliases, *definitions, *types, *addresses})
    }


def _reified(graph: Any, rdflib: Any) -> dict[Any, list[dict[str, str]]]:
    """What is said about triples, by the triple."""
    found: dict[Any, list[dict[str, str]]] = {}
    for statement, _, _ in graph.triples((None, rdflib.RDF.type, rdflib.RDF.Statement)):
        parts = (rdflib.RDF.subject, rdflib.RDF.predicate, rdflib.RDF.object)
        triple = tuple(graph.value(statement, part) for part in parts)
        values = {
            str(relation).removeprefix(FIELD): str(value)
            for _, relation, value in graph.triples((statement, None, None))
            if str(relation).startswith(FIELD)
        }
        found.setdefault(triple, []).append(values)
    return found


def _identifier(node: Any) -> str:
    """The id of an entity: what was exported, or the address."""
    return unquote(str(node).removeprefix(ENTITY)) if str(node).startswith(ENTITY) else str(node)


def _name(node: Any) -> str:
    """The name of an address, which is its end; a literal's is its text."""
    address = str(node)
    for prefix in (ENTITY, RELATION, TYPE):
        if address.startswith(prefix):
            return unquote(address.removeprefix(prefix))
    if type(node).__name__ != "URIRef":
        return address
    end = address.rstrip("/#").replace("#", "/").rpartition("/")[2].rpartition(":")[2]
    return unquote(end).replace("_", " ")


def _rdflib() -> Any:
    try:
        import rdflib  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError:
        raise SettingsError(
            "RDF needs rdflib, which is not installed.", hint="Run `pip install 'orchestrator-rag[rdf]'`."
        ) from None
    return cast("Any", rdflib)
