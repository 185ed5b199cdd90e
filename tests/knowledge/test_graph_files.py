"""Graphs in files: what is written is read back, whatever the names, and bad files say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.knowledge.formats import property_graph
from orchestrator.knowledge.formats.graph_file import Edge, Node, statements
from orchestrator.knowledge.graph_files import Format, format_of, read_graph, write_graph
from orchestrator.text.entity_names import entity_id, entity_key

FORMATS: list[Format] = ["jsonl", "csv", "graphml"]
RDF: list[Format] = ["nt", "ttl"]

NODES = [
    Node("n1", "Otter", "Animal", "A mammal of rivers.", ("Lutra", 'the "river" dog; or so')),
    Node("n2", "東京"),
    Node("n3", "القاهرة", "City"),
    Node("n4", "x" * 10_000),
    Node("n5", "a, b\nand <c> & 'd'"),
]
EDGES = [
    Edge("n1", "lives_in", "n2", "The otter", "東京都", "1990", "2001-05-01", 0.25, "doc/1.md"),
    Edge("n1", "lives_in", "n2", "Otter", "東京", "2002", "", 1.0, ""),
    Edge("n1", "is", "n1"),
    Edge("n2", "knows", "n3"),
    Edge("n2", "knows", "n3", valid_from="1990"),
    Edge("n3", "knows", "n2"),
    Edge("n4", "relation with, marks: <&>", "n5"),
]


def round_trip(format: Format, nodes: list[Node], edges: list[Edge]) -> tuple[set[Node], set[Edge]]:
    with TemporaryDirectory() as folder:
        files = write_graph(Path(folder) / f"graph.{format}", format, [*nodes, *edges])
        found = read_graph(files)
        assert found.left_out == {}
        assert (len(found.nodes), len(found.edges)) == (len(nodes), len(edges))
        return set(found.nodes), set(found.edges)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_back(format: Format) -> None:
    assert round_trip(format, NODES, EDGES) == (set(NODES), set(EDGES))


@pytest.mark.parametrize("format", RDF)
def test_what_is_written_as_rdf_is_read_back(format: Format) -> None:
    pytest.importorskip("rdflib")
    nodes, edges = round_trip(format, NODES, EDGES)
    assert {(one.id, one.name, one.type, one.definition) for one in nodes} == {
        (one.id, one.name, one.type, one.definition) for one in NODES
    }
    assert {frozenset(one.aliases) for one in nodes} == {frozenset(one.aliases) for one in NODES}
    assert edges == set(EDGES)


written = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_names_of_any_kind_are_read_back(format: Format, data: st.DataObject) -> None:
    names = data.draw(st.lists(written, min_size=1, max_size=4))
    ids = [f"n{number}" for number in range(len(names))]
    nodes = [
        # Semicolons separate the labels of a node in CSV.
        Node(one, name, data.draw(written).replace(";", ","), data.draw(written), (data.draw(written),))
        for one, name in zip(ids, names, strict=True)
    ]
    ends = st.sampled_from(ids)
    edges = [
        Edge(data.draw(ends), data.draw(written), data.draw(ends), data.draw(written), "", data.draw(written))
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    if format == "graphml":
        legal = "".join(
            text
            for each in (*nodes, *edges)
            for text in (getattr(each, "name", ""), getattr(each, "relation", ""))
        )
        if "\ufffe" in legal or "\uffff" in legal:
            return
    found_nodes, found_edges = round_trip(format, nodes, edges)
    if format != "graphml":
        assert (found_nodes, found_edges) == (set(nodes), set(edges))
    assert {one.name for one in found_nodes} == set(names)


def test_data_sets_are_read_line_by_line(tmp_path: Path) -> None:
    lines = [
        {
            "_id": "p0",
            "entities": ["Journal", ""],
            "triples": [["Journal", "published by", "AIP"], ["Journal", "is"], ["", "is", "x"], 7],
        },
        {
            "_id": "C01",
            "name": "Cancer",
            "types": ["T191"],
            "group": "Disorders",
            "aliases": ["Carcinoma", "Cancer"],
        },
        {"_id": "C02", "name": "Tumour", "aliases": ["Carcinoma"]},
    ]
    path = tmp_path / "both.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    file = read_graph([path])
    said = statements(file, "default")
    assert file.left_out == {
        "triples that are not [subject, predicate, object]": 2,
        "nodes without a name": 1,
        "edges without a name at an end, or without a relation": 1,
    }
    assert [name.name for name in said["p0"].names] == ["Journal"]
    assert [(one.head.key, one.relation, one.tail.key) for one in said["p0"].triples] == [
        ("journal", "published by", "aip")
    ]
    assert [(one.name, one.key, one.alias, one.type) for one in said[""].names] == [
        ("Cancer", "C01", False, "Disorders"),
        ("Carcinoma", "C01", True, ""),
        ("Tumour", "C02", False, ""),
        ("Carcinoma", "C02", True, ""),
    ]


def test_what_was_exported_is_known_again_by_its_name() -> None:
    plain, typed = entity_key("Otter"), entity_key("Otter", "Animal")
    from orchestrator.knowledge.formats.graph_file import GraphFile

    file = GraphFile(
        [
            Node(entity_id("default", plain), "Otter"),
            Node(entity_id("default", typed), "Otter", "Animal"),
            Node(entity_id("acme", plain), "Otter"),
            Node("", "Krill"),
        ]
    )
    keys = [name.key for name in statements(file, "default")[""].names]
    assert keys == [plain, typed, entity_id("acme", plain), "krill"]


@pytest.mark.slow
def test_a_property_graph_of_llama_index_is_read(tmp_path: Path) -> None:
    from llama_index.core.graph_stores import SimplePropertyGraphStore
    from llama_index.core.graph_stores.types import ChunkNode, EntityNode, Relation

    store = SimplePropertyGraphStore()
    otter = EntityNode(name="Otter", label="ANIMAL", properties={"definition": "A mammal."})
    krill, chunk = EntityNode(name="Krill"), ChunkNode(text="Otters eat krill.")
    store.upsert_nodes([otter, krill, chunk])
    store.upsert_relations(
        [
            Relation(label="EATS", source_id=otter.id, target_id=krill.id, properties={"valid_from": "1990"}),
            Relation(label="MENTIONS", source_id=chunk.id, target_id=otter.id),
        ]
    )
    store.persist(str(tmp_path / "graph.json"))
    for found in (read_graph([tmp_path / "graph.json"]), property_graph.from_store(store)):
        assert found.nodes == [Node("Otter", "Otter", "ANIMAL", "A mammal."), Node("Krill", "Krill")]
        assert found.edges == [Edge("Otter", "EATS", "Krill", valid_from="1990")]
        assert statements(found, "default")[""].triples[0].tail.key == "krill"


def test_other_tools_csv_and_graphml_are_read(tmp_path: Path) -> None:
    import networkx as nx

    (tmp_path / "nodes.csv").write_text("personId:ID(Person),name,:LABEL\nk,Keanu,Actor;Person\n")
    (tmp_path / "edges.csv").write_text("Source,Target,Relation,Weight\nKeanu,Matrix,ACTED_IN,0.5\n")
    found = read_graph([tmp_path / "nodes.csv", tmp_path / "edges.csv"])
    assert found.nodes == [Node("", "Keanu", "Actor")]
    assert found.edges == [Edge("Keanu", "ACTED_IN", "Matrix", weight=0.5)]
    graph = nx.DiGraph()
    graph.add_edge("Keanu", "Matrix", label="acted in")
    nx.write_graphml(graph, tmp_path / "theirs.graphml")
    found = read_graph([tmp_path / "theirs.graphml"])
    assert found.edges == [Edge("Keanu", "acted in", "Matrix")]
    assert {node.name for node in found.nodes} == {"Keanu", "Matrix"}


def test_rdf_of_others_is_read(tmp_path: Path) -> None:
    pytest.importorskip("rdflib")
    (tmp_path / "g.ttl").write_text(
        "@prefix ex: <http://example.org/x#> .\n@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        'ex:otter a ex:Animal ; skos:prefLabel "Otter" ; skos:altLabel "Lutra" ;\n'
        "ex:eats ex:Krill_shrimp ; ex:legs 4 .\n"
    )
    found = read_graph([tmp_path / "g.ttl"])
    assert {(one.name, one.type, one.aliases) for one in found.nodes} == {
        ("Otter", "Animal", ("Lutra",)),
        ("Krill shrimp", "", ()),
    }
    assert {(one.relation, one.tail) for one in found.edges} == {
        ("eats", "http://example.org/x#Krill_shrimp"),
        ("legs", "4"),
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"other": 1}', "line 1: is neither a node nor an edge"),
        ("a.jsonl", "no json", "is not JSON"),
        ("a.csv", "x,y\n1,2\n", "has neither nodes nor edges: its columns are x, y"),
        ("a.graphml", "<graphml", "cannot be read as GraphML"),
        (
            "a.graphml",
            '<!DOCTYPE g [<!ENTITY a "b">]><graphml>&a;</graphml>',
            "cannot be read as GraphML",
        ),
        ("a.json", "[1]", "is no property graph of LlamaIndex"),
        ("a.json", "{", "cannot be read as JSON"),
        ("a.pdf", "", "The format of .*a.pdf is not known"),
    ],
)
def test_bad_files_are_refused_with_a_reason(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=message):
        read_graph([tmp_path / name])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.graphml", "a.json"])
def test_files_that_are_not_there_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=f"There is no file .*{name}"):
        read_graph([tmp_path / name])


def test_formats_are_known_by_their_ending() -> None:
    assert [format_of(Path(f"a.b.{one}")) for one in (*FORMATS, *RDF)] == [*FORMATS, *RDF]
