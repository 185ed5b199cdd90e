"""Another vector store than the embedded one, through every command that has to do with an index."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from orchestrator import plugins
from tests.cli.conftest import Command
from tests.indexing.plain_store import installed
from tests.plugin.distribution import environment

pytestmark = pytest.mark.slow

QUESTION = "What do otters hold?"


@pytest.fixture(autouse=True)
def _plain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """The store is installed, here and for workers, and chosen in the settings."""
    site = installed(folder / "site")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", environment(site)["PYTHONPATH"])
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)  # pyright: ignore[reportPrivateUsage]
    (folder / "orchestrator.toml").write_text('embedder = "light"\n[ports]\nvector_store = "plain"\n')


@pytest.fixture
def docs(folder: Path) -> Path:
    """A folder of two documents."""
    root = folder / "docs"
    root.mkdir()
    (root / "otters.md").write_text("# Otters\n\nOtters hold hands while they sleep.\n")
    (root / "owls.md").write_text("# Owls\n\nOwls hunt without a sound.\n")
    return root


def cited(cli: Command) -> list[str]:
    """The sources of an answer."""
    asked = cli("ask", QUESTION, "--json")
    assert asked.code == 0, asked.err
    return sorted({Path(each["source"]).name for each in asked.json["citations"]})


def sound(cli: Command) -> bool:
    """Whether an index is what its registry says."""
    verified = cli("index", "verify", "--json")
    assert verified.json["parts"] == {}
    return verified.code == 0


def rows(home: Path) -> int:
    """How many rows the store has, of whatever version."""
    connection = sqlite3.connect(home / "plain.db")
    (number,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    connection.close()
    return number


def test_an_index_is_added_searched_shown_and_removed(cli: Command, docs: Path, folder: Path) -> None:
    home = folder / ".orchestrator"
    assert cli("index", "add", docs).code == 0
    assert cited(cli) == ["otters.md"]
    shown = cli("index", "status")
    assert "2 documents, 2 passages, by " in shown.out
    assert "shards" not in shown.out
    assert "2 documents, 2 passages, in " in cli("index", "verify").out
    assert cli("doctor").code == 0

    (docs / "owls.md").unlink()
    assert cli("index", "add", docs, "--label", "staff").code == 0
    assert cli("ask", QUESTION, "--json").json["citations"] == []
    assert cli("index", "add", docs, "--label", "public").code == 0
    assert cli("index", "rebuild").code == 0
    assert sound(cli)
    assert cited(cli) == ["otters.md"]

    assert cli("index", "remove", "--all").code == 0
    assert rows(home) == 0
    assert not (home / "indexes").exists()
    assert cli("index", "add", docs).code == 0
    assert sound(cli)


def test_a_backup_has_the_texts_and_says_that_vectors_must_be_made_again(
    cli: Command, docs: Path, folder: Path
) -> None:
    home, rebuild = folder / ".orchestrator", "run `orchestrator index rebuild --index default`"
    cli("index", "add", docs)
    made = cli("backup", folder / "b.tar")
    assert (made.code, rebuild in made.err) == (0, True)
    shutil.rmtree(home)
    restored = cli("restore", folder / "b.tar")
    assert (restored.code, rebuild in restored.err) == (0, True)
    assert not sound(cli)
    assert "damaged in its store, or gone: plain.db" in cli("doctor").out
    assert cli("index", "rebuild").code == 0
    assert sound(cli)
    assert cited(cli) == ["otters.md"]
    assert cli("doctor").code == 0


def test_a_backup_is_restored_over_a_store_that_went_on(cli: Command, docs: Path, folder: Path) -> None:
    cli("index", "add", docs)
    told = cli("backup", folder / "b.tar", "--json").json
    assert told["indexes"][0]["vectors"] is False
    (docs / "otters.md").unlink()
    (docs / "stones.md").write_text("# Otters\n\nOtters hold stones while they eat.\n")
    assert cli("index", "add", docs).code == 0
    assert cited(cli) == ["stones.md"]
    assert cli("restore", folder / "b.tar", "--force").code == 0
    assert cli("index", "rebuild").code == 0
    assert sound(cli)
    assert cited(cli) == ["otters.md"]
    # The number of the version is given again, to another content.
    assert cli("index", "add", docs).code == 0
    assert sound(cli)
    assert cited(cli) == ["stones.md"]


def test_what_the_store_has_lost_is_embedded_again(cli: Command, docs: Path, folder: Path) -> None:
    cli("index", "add", docs)
    (folder / ".orchestrator" / "plain.db").unlink()
    mended = cli("index", "add", docs)
    assert "2 passages were embedded again" in mended.err
    assert sound(cli)
    assert cited(cli) == ["otters.md"]


@pytest.mark.parametrize("mend", ["rebuild", "add"])
def test_an_index_moves_from_one_store_to_another(cli: Command, docs: Path, folder: Path, mend: str) -> None:
    settings = folder / "orchestrator.toml"
    plain, edge = settings.read_text(), 'embedder = "light"\n'
    settings.write_text(edge)
    cli("index", "add", docs)
    assert cli("index", "verify", "--json").json["parts"] == {"shards": 1}
    for chosen, parts, vectors in ((plain, {}, False), (edge, {"shards": 1}, True)):
        settings.write_text(chosen)
        if chosen == edge:
            asked = cli("ask", QUESTION)
            assert asked.code != 0
            assert "qdrant_edge has none of the 2 passages of the index 'default'" in asked.err
            assert "orchestrator index rebuild" in asked.err
        assert cli("index", "verify").code == 2
        assert "damaged in its store, or gone: " in cli("doctor").out
        done = cli("index", mend, *([docs] if mend == "add" else []))
        assert done.code == 0
        assert mend == "rebuild" or "2 passages were embedded again" in done.err
        verified = cli("index", "verify", "--json")
        assert verified.json["faults"] == []
        assert cited(cli) == ["otters.md"]
        assert cli("doctor").code == 0
        if chosen == edge:
            assert verified.json["parts"] == parts
        told = cli("backup", folder / f"{vectors}.tar", "--json").json
        assert told["indexes"][0]["vectors"] is vectors


def test_an_index_is_moved_before_or_after_the_setting_is_changed(
    cli: Command, docs: Path, folder: Path
) -> None:
    home, settings = folder / ".orchestrator", folder / "orchestrator.toml"
    plain, edge = settings.read_text(), 'embedder = "light"\n'
    settings.write_text(edge)
    cli("index", "add", docs)
    same = cli("index", "move", "--to", "qdrant_edge")
    assert same.code != 0
    assert "the same store" in same.err
    moved = cli("index", "move", "--to", "plain")
    assert moved.code == 0, moved.err
    assert "Moved index default from qdrant_edge to plain: 2 documents, 2 passages" in moved.out
    assert 'set [ports] vector_store = "plain"' in moved.err
    assert not list((home / "indexes").rglob("segments"))
    settings.write_text(plain)
    assert sound(cli)
    assert cited(cli) == ["otters.md"]
    settings.write_text(edge)
    told = cli("index", "move", "--from", "plain", "--json").json
    assert (told["from"], told["to"], told["passages"]) == ("plain", "qdrant_edge", 2)
    assert rows(home) == 0
    verified = cli("index", "verify", "--json")
    assert (verified.code, verified.json["parts"]) == (0, {"shards": 1})
    assert cited(cli) == ["otters.md"]
