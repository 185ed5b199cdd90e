"""What `index add` says of files that it cannot read, or reads in another way than they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.mark.slow
def test_what_is_left_out_is_named_and_counted(cli: Command, folder: Path) -> None:
    (folder / "d").mkdir()
    for name in ("a.eml", "b.eml", "c.xls", "Makefile", ".hidden.eml"):
        (folder / "d" / name).write_text("x")
    (folder / "d" / "good.md").write_text("Bees dance.")
    (folder / "d" / "cafe.txt").write_bytes("Das Café in Zürich.".encode("cp1252"))
    (folder / "d" / "rows.jsonl").write_text('{"text": "one"}\n{bad}\n')
    (folder / "d" / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xfe")
    added = cli("index", "add", "d")
    assert added.code == 0
    assert "3 added, 1 skipped" in added.out
    lines = added.err.splitlines()
    assert "4 files of other kinds were left out (.eml 2, .xls 1, without a suffix 1)." in lines or (
        "4 files of other kinds were left out (.eml 2, without a suffix 1, .xls 1)." in lines
    )
    assert "cafe.txt: It is not in UTF-8; read as cp1252." in lines
    assert any(line.startswith("rows.jsonl: Line 2 is not valid JSON") for line in lines)
    assert "Skipped picture.txt: It is a picture (PNG), not text." in lines
    again = cli("index", "add", "d", "--strict", "--json")
    assert again.code == 2
    assert again.json["others"][".eml"] == 2
    assert [each["file"] for each in again.json["skipped"]] == ["picture.txt"]


@pytest.mark.slow
def test_nothing_that_could_be_read_is_a_failure(cli: Command, folder: Path) -> None:
    (folder / "d").mkdir()
    (folder / "d" / "a.txt").write_bytes(bytes(range(256)) * 8)
    failed = cli("index", "add", "d")
    assert failed.code == 2
    assert "nothing was indexed, 1 skipped" in failed.out
    assert "nothing to do" not in failed.out


def test_a_url_is_not_taken_for_a_missing_file(cli: Command) -> None:
    refused = cli("index", "add", "https://www.example.org/a.html")
    assert refused.code == 2
    assert "'https://www.example.org/a.html' is a URL" in refused.err
    assert "Download it" in refused.err


@pytest.mark.slow
def test_json_has_one_shape_however_many_paths(cli: Command, folder: Path) -> None:
    (folder / "a.md").write_text("Bees dance.")
    (folder / "b.md").write_text("Tides turn.")
    one, two = cli("index", "add", "a.md", "--json").json, cli("index", "add", "a.md", "b.md", "--json").json
    assert set(one) == set(two)
    assert (one["added"], two["added"], two["unchanged"], len(two["paths"])) == (1, 1, 1, 2)
    listed = cli("index", "list", "--index", "default").out.splitlines()
    assert max(map(len, listed)) < 100 + len(str(folder))
    gone = cli("index", "remove", "a.md", "--json").json
    dropped = cli("index", "remove", "--all", "--json").json
    assert set(gone) == set(dropped)
    assert (gone["removed_documents"], gone["dropped"]) == (1, False)
    assert (dropped["removed_documents"], dropped["dropped"]) == (1, True)


@pytest.mark.slow
def test_a_conversation_goes_on_by_its_id(cli: Command, folder: Path) -> None:
    (folder / "a.md").write_text("Bees dance to say where flowers are.")
    assert cli("index", "add", "a.md").code == 0
    first = cli("ask", "Where do bees dance?", "--conversation", "new", "--json").json
    then = cli("ask", "Why do bees dance?", "--conversation", first["conversation"], "--json").json
    assert then["conversation"] != first["conversation"]
    assert "conversation" not in cli("ask", "Where do bees dance?", "--json").json
    unknown = cli("ask", "And then?", "--conversation", "nowhere")
    assert unknown.code == 2
    assert "no conversation 'nowhere'" in unknown.err
    # Nobody goes on with another's.
    assert cli("ask", "And?", "--conversation", first["conversation"], "--principal", "other:staff").code == 2
