"""`orchestrator tree`: built, shown, drawn, updated and removed from the command line."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def library(folder: Path) -> Path:
    """A folder of documents about a few subjects."""
    root = folder / "library"
    root.mkdir()
    for number in range(30):
        subject = ("bees", "tides", "tea")[number % 3]
        (root / f"{subject}{number}.md").write_text(
            f"# About {subject} {number}\n\nAll that {subject} do in year {number} is told here <&>.\n"
        )
    return root


def test_a_tree_from_the_command_line(cli: Command, library: Path, folder: Path) -> None:
    assert "no index" in cli("tree", "build").err
    assert cli("index", "add", library).code == 0
    missing = cli("tree", "show")
    assert (missing.code, missing.out) == (2, "")
    assert "orchestrator tree build" in missing.err
    assert "never" in cli("tree", "status").out
    told = cli("tree", "build", "--dry-run")
    assert told.out == "1 tree over 30 passages: no call of a model\n"
    assert cli("tree", "status", "--json").json[0]["recipe"] is None, "a dry run builds nothing"
    built = cli("tree", "build", "--children", "6", "--json").json
    assert (built["report"]["passages"], built["cost"]["calls"]) == (30, 0)
    (state,) = cli("tree", "status", "--json").json
    assert (state["leaves"], state["missing"], state["advice"]) == (30, 0, "")

    rows = cli("tree", "show", "--json").json["nodes"]
    root, first = rows[0], next(row for row in rows if row["depth"] == 1)
    assert (root["kind"], root["leaves"]) == ("root", 30)
    assert first["parent"] == root["id"]
    below = cli("tree", "show", first["id"][:8], "--depth", "5", "--json").json["nodes"]
    assert below[0]["id"] == first["id"]
    assert sum(row["kind"] == "passage" for row in below) == first["leaves"]
    assert cli("tree", "show", "zzz").code == 2

    printed = cli("tree", "show", "--query", "What do bees do?", "--rounds", "5").out
    assert "result 1" in printed
    assert "round 1" in printed
    drawing = folder / "tree.svg"
    assert cli("tree", "show", "--query", "What do bees do?", "--svg", drawing).code == 0
    text = drawing.read_text()
    assert "<script" not in text
    ElementTree.fromstring(text)

    (library / "new.md").write_text("# Fresh bees\n\nThey are new.\n")
    (library / "bees0.md").unlink()
    cli("index", "add", library)
    assert "orchestrator tree update" in cli("tree", "status").err
    assert cli("tree", "update", "--json").json["inserted"] == 1
    assert cli("index", "verify").code == 0
    found = cli("ask", "--workflow", "tree_search", "What do bees do?", "--json").json
    assert found["degraded"] == [] or "tree" not in str(found["degraded"])
    cited = cli("ask", "--workflow", "tree_ask", "Which bees are new?").out
    assert "[1]" in cited
    assert cli("tree", "remove").out == "Removed 1 tree\n"
    assert "may be read" in cli("tree", "show").err


def test_a_reader_is_shown_the_trees_that_may_be_read(cli: Command, library: Path, folder: Path) -> None:
    secret = folder / "hr"
    secret.mkdir()
    (secret / "pay.md").write_text("# Pay\n\nSalaries of zanzibar are paid on the 25th.\n")
    cli("index", "add", library)
    cli("index", "add", secret, "--label", "hr")
    assert cli("tree", "build", "--json").json["report"]["trees"] == 2
    for arguments in (("--depth", "9"), ("--query", "When are salaries of zanzibar paid?")):
        shown = cli("tree", "show", "--json", *arguments)
        assert "zanzibar" not in shown.out.partition('"nodes"')[2]
        everything = cli("tree", "show", "--json", "--principal", "default:hr,public", *arguments)
        assert "Salaries of zanzibar" in everything.out


def test_what_cannot_be_built_is_refused(cli: Command, library: Path) -> None:
    cli("index", "add", library)
    assert "no method" in cli("tree", "build", "--method", "sideways").err
    assert "--method structure" in cli("tree", "build", "--topics", "field").err
    assert "a node, or a query" in cli("tree", "show", "abc", "--query", "x").err
