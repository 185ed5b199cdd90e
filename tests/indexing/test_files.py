"""What a scan finds below a root, what it refuses, and what it passes over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from orchestrator.errors import BadInput, UnreadableFile
from orchestrator.indexing.files import read_below, scan
from orchestrator.indexing.readers import READERS


def _names(root: Path, **options: object) -> list[str]:
    return [file.file for file in scan(root, READERS, **options).files]  # type: ignore[arg-type]


def test_files_are_found_by_kind_with_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("two")
    (tmp_path / "sub" / "a.MD").write_text("one")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = scan(tmp_path, READERS)
    assert [file.file for file in found.files] == ["b.txt", "sub/a.MD"]
    assert found.files[0].size == 3
    assert found.files[0].hash == hashlib.sha256(b"two").hexdigest()
    assert found.skipped == ()


def test_hidden_files_and_version_control_are_passed_over(tmp_path: Path) -> None:
    for name in (".git/config.txt", ".hidden.md", "CVS/entries.txt", ".cache/deep/note.md", "seen.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = scan(tmp_path, READERS)
    assert [file.file for file in found.files] == ["seen.md"]
    assert found.skipped == ()


def test_links_out_of_the_root_are_refused_by_name(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "fine.txt").write_text("fine")
    (root / "link.txt").symlink_to(outside / "secret.txt")
    (root / "up.txt").symlink_to("../outside/secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    found = scan(root, READERS)
    assert [file.file for file in found.files] == ["fine.txt"]
    refused = {file.file: file for file in found.skipped}
    assert set(refused) == {"folder", "link.txt", "up.txt"}
    assert all("outside of its root" in file.reason and file.absent for file in refused.values())


def test_a_root_that_shares_the_beginning_of_its_name_is_outside(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs-private").mkdir()
    (tmp_path / "docs-private" / "a.txt").write_text("private")
    (tmp_path / "docs" / "a.txt").symlink_to(tmp_path / "docs-private" / "a.txt")
    with pytest.raises(BadInput, match="outside of its root"):
        scan(tmp_path / "docs", READERS)


def test_links_within_the_root_count_once(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("x")
    (tmp_path / "again.md").symlink_to("real.md")
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "mounted.md").write_text("y")
    (tmp_path / "mounted.md").symlink_to(".data/mounted.md")
    found = scan(tmp_path, READERS)
    assert [file.file for file in found.files] == ["mounted.md", "real.md"]
    assert found.skipped == ()


def test_a_file_that_becomes_a_link_after_the_scan_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (root / "a.txt").write_text("fine")
    assert _names(root) == ["a.txt"]
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UnreadableFile, match="outside of its root"):
        read_below(root, "a.txt")
    with pytest.raises(UnreadableFile, match="outside of its root"):
        read_below(root, "../secret.txt")


def test_a_single_file_is_a_root(tmp_path: Path) -> None:
    (tmp_path / ".notes.md").write_text("x")
    (tmp_path / "other.md").write_text("y")
    found = scan(tmp_path / ".notes.md", READERS)
    assert found.root == tmp_path / ".notes.md"
    assert [file.file for file in found.files] == [".notes.md"]
    assert read_below(found.root, ".notes.md") == b"x"


def test_a_part_of_a_root_is_named_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_text("x")
    (tmp_path / "two.md").write_text("y")
    assert _names(tmp_path, within="a") == ["a/one.md"]
    assert _names(tmp_path, within="a/one.md") == ["a/one.md"]


@pytest.mark.parametrize(
    "what", ["missing", "empty", "only other kinds", "a picture", "a pipe", "a null byte"]
)
def test_a_root_without_anything_to_index_is_bad_input(tmp_path: Path, what: str) -> None:
    root = tmp_path / "root"
    if what in ("empty", "only other kinds"):
        root.mkdir()
    if what == "only other kinds":
        (root / "a.exe").write_text("x")
    if what == "a picture":
        root = tmp_path / "a.png"
        root.write_bytes(b"\x89PNG")
    if what == "a pipe":
        os.mkfifo(root)
    with pytest.raises(BadInput) as raised:
        scan(f"{root}\0" if what == "a null byte" else root, READERS)
    assert raised.value.hint


@pytest.fixture
def folder_of_an_ordinary_user() -> Iterator[Path]:
    """A folder of a user who may not read everything, as whom the test runs."""
    with TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


def test_what_cannot_be_opened_is_named_and_stays_in_the_index(folder_of_an_ordinary_user: Path) -> None:
    root = folder_of_an_ordinary_user
    (root / "fine.md").write_text("x")
    (root / "locked.md").write_text("x")
    (root / "locked.md").chmod(0)
    (root / "closed").mkdir(mode=0)
    found = scan(root, READERS)
    (root / "closed").chmod(0o700)
    assert [file.file for file in found.files] == ["fine.md"]
    assert {file.file: file.absent for file in found.skipped} == {"closed": False, "locked.md": False}
    assert all("permission denied" in file.reason for file in found.skipped)


def test_odd_names_are_told_in_printable_text(tmp_path: Path) -> None:
    (tmp_path / "fine.md").write_text("x")
    (tmp_path / "ünïcode ☃.md").write_text("x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.md")).write_text("x")
    os.mkfifo(tmp_path / "pipe.txt")
    found = scan(tmp_path, READERS)
    assert [file.file for file in found.files] == ["fine.md", "ünïcode ☃.md"]
    told = {file.file: file.reason for file in found.skipped}
    assert set(told) == {"bad\\xff.md", "pipe.txt"}
    assert "not valid UTF-8" in told["bad\\xff.md"]
    assert "not a regular file" in told["pipe.txt"]
    "".join(told).encode()


def test_a_file_over_the_limit_is_refused_when_scanned_and_when_read(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"x" * 3000)
    (tmp_path / "small.txt").write_bytes(b"x")
    found = scan(tmp_path, READERS, largest=2000)
    assert [file.file for file in found.files] == ["small.txt"]
    assert [(file.file, file.absent) for file in found.skipped] == [("large.txt", False)]
    with pytest.raises(UnreadableFile, match="split it"):
        read_below(tmp_path, "large.txt", 2000)


def test_the_queries_of_a_test_collection_are_no_documents(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("{}")
    (tmp_path / "queries.jsonl").write_text("{}")
    found = scan(tmp_path, READERS)
    assert [file.file for file in found.files] == ["corpus.jsonl"]
    assert found.skipped[0].file == "queries.jsonl"
