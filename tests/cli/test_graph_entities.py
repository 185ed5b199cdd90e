"""`orchestrator graph` on entities and facts: imported, shown, changed, undone, exported, imported again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

TRIPLES = [
    {
        "_id": "bees.md",
        "entities": ["Bees", "hive"],
        "triples": [["Bees", "live in", "hive"], ["hive", "has", "queen"], ["broken"]],
    },
    {"_id": "nowhere.md", "triples": [["x", "y", "z"]]},
]


@pytest.fixture
def triples(folder: Path) -> Path:
    path = folder / "triples.jsonl"
    path.write_text("\n".join(map(json.dumps, TRIPLES)), encoding="utf-8")
    return path


def test_a_graph_is_imported_changed_and_exported(
    cli: Command, notes: Path, triples: Path, folder: Path
) -> None:
    assert cli("index", "add", notes).code == 0
    done = cli("graph", "import", triples)
    assert done.out == "Imported triples.jsonl: 2 names and 2 facts.\n"
    assert "Left out: 1 triples that are not" in done.err
    assert "1 documents are not in the index: nowhere.md" in done.err
    shown = cli("graph", "facts", "bees", "--json").json
    assert [fact["text"] for fact in shown[0]["facts"]] == ["Bees live in hive"]
    assert shown[0]["facts"][0]["passage"]
    assert cli("graph", "facts", "bees", "--principal", "acme:public").code == 2

    merged = cli("graph", "merge", "Bees", "hive", "--json").json
    assert (merged["number"], merged["kind"]) == (1, "merge")
    assert len(cli("graph", "facts", "hive", "--json").json[0]["facts"]) == 2
    assert cli("graph", "rename", "Bees", "Honey bees").code == 0
    assert cli("graph", "facts", "hive", "--json").json[0]["name"] == "Honey bees"
    listed = cli("graph", "journal", "--json").json
    assert [(each["kind"], each["undone"]) for each in listed] == [("merge", None), ("rename", None)]
    assert cli("graph", "undo", "2").out == "Undone: rename 2.\n"
    assert cli("graph", "undo", "1").code == 0
    assert cli("graph", "undo", "1").code == 2
    assert len(cli("graph", "facts", "hive", "--json").json[0]["facts"]) == 2
    assert len(cli("graph", "facts", "Bees", "--json").json[0]["facts"]) == 1

    for name in ("graph.jsonl", "graph.graphml", "graph.csv"):
        exported = cli("graph", "export", name, "--json").json
        assert (exported["nodes"], exported["edges"]) == (3, 2)
    assert cli("graph", "import", "graph.jsonl", "--name", "triples.jsonl").code == 0
    again = cli("graph", "facts", "bees", "--json").json
    assert [fact["text"] for fact in again[0]["facts"]] == ["Bees live in hive"]
    assert again[0]["id"] == shown[0]["id"]
    assert cli("graph", "import", "graph-nodes.csv", "graph-edges.csv", "--label", "staff").code == 0
    assert cli("graph", "import", "graph.pdf").code == 2


def test_entities_that_are_likely_one_are_proposed_merged_and_parted_again(
    cli: Command, notes: Path, folder: Path
) -> None:
    cli("index", "add", notes)
    facts = [
        ["Honey badgers", "live in", "dens"],
        ["Honey badger", "live in", "dens"],
        ["Wasps", "live in", "nests"],
    ]
    (folder / "facts.jsonl").write_text(json.dumps({"_id": "bees.md", "triples": facts}), encoding="utf-8")
    cli("graph", "import", "facts.jsonl")
    shown = cli("graph", "resolve", "--json").json
    (one,) = shown["proposals"]
    assert {one["keep"]["name"], one["others"][0]["name"]} == {"Honey badger", "Honey badgers"}
    assert shown["merges"] == cli("graph", "journal", "--json").json == []
    listed = cli("graph", "resolve")
    assert "Honey badgers" in listed.out
    assert "--apply" in listed.err
    done = cli("graph", "resolve", "--apply")
    assert "Merged: entries 1 to 1" in done.out
    assert len(cli("graph", "facts", "Honey badger", "--json").json[0]["facts"]) == 2
    assert cli("graph", "resolve", "--json").json["proposals"] == []
    assert cli("graph", "undo", "1").out == "Undone: merge 1.\n"
    assert len(cli("graph", "facts", "Honey badger", "--json").json[0]["facts"]) == 1
    assert cli("graph", "resolve", "--json").json["proposals"] == []


def test_an_answer_cites_the_passages_of_facts(cli: Command, notes: Path, triples: Path) -> None:
    cli("index", "add", notes)
    cli("graph", "import", triples)
    said = cli("ask", "What do Bees live in?", "--workflow", "facts", "--json").json
    assert said["answer"].startswith("- Bees live in hive [1]")
    assert [each["title"] for each in said["citations"]] == ["Bees"]
    other = cli("ask", "When do spring tides come?", "--workflow", "facts", "--json").json
    assert "full moon" in other["answer"]
    assert any("No entity of the question is known" in each for each in other["degraded"])


def test_an_extraction_without_a_model_says_so_and_what_it_would_cost(
    cli: Command, notes: Path, folder: Path
) -> None:
    cli("index", "add", notes)
    (folder / "types.py").write_text(
        "from orchestrator.knowledge.schema import EntityType, RelationType\n\n"
        'class Animal(EntityType):\n    """An animal."""\n\n'
        'class Eats(RelationType):\n    """Eats."""\n    head: Animal\n    tail: Animal\n'
    )
    done = cli("graph", "extract", "--schema", "types.py", "--dry-run", "--json")
    assert done.json["cost"]["calls"] == 3
    assert "3 passages to extract from, 0 of known texts: at least 3 calls" in done.err
    failed = cli("graph", "extract", "--schema", "types.py")
    assert failed.code == 2
    assert "3 passages failed" in failed.err
    status = cli("graph", "status")
    assert status.out.count("Not extracted: ") == 3
    assert len(cli("graph", "status", "--json").json["knowledge"]["failed"]) == 3
    assert "3 passages to extract from" in cli("graph", "extract", "--schema", "types.py", "--dry-run").err
    assert cli("graph", "extract", "--schema", "nothing.py").code == 2
    assert cli("graph", "extract", "--schema", "types.py", "--extractor", "x").code == 2
