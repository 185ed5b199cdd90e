"""A reader that crashes, hangs or swells costs the file that it did so on, and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from orchestrator.errors import StoreError
from orchestrator.indexing.file_documents import Place, Recipe
from orchestrator.indexing.isolated_reading import (
    FileFailed,
    FileRead,
    FileRows,
    FileStarted,
    Limits,
    Reader,
    ReadRequest,
)
from orchestrator.indexing.readers import READERS
from tests.indexing.samples import pdf

pytestmark = pytest.mark.slow


class UnrulyReader(BaseReader):
    """Does what the file says."""

    def load_data(self, file: Path, extra_info: object = None) -> list[Document]:
        what = file.read_text()
        if what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if what.startswith("crash once"):
            mark = file.with_suffix(".mark")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGSEGV)
        if what == "hang":
            time.sleep(3600)
        if what == "swell":
            return [Document(text="x" * 8 * 2**30)]
        if what == "raise":
            raise ZeroDivisionError("by zero")
        if what == "change":
            file.write_text("changed")
        return [Document(text=what)]


RECIPE = Recipe(readers={**READERS, ".unruly": f"{__name__}:UnrulyReader"})


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as started:
        yield started


def outcomes(
    reader: Reader, root: Path, files: Sequence[str], limits: Limits | None = None
) -> dict[str, str]:
    """By file: `read`, or the reason why not. Every file ends exactly once, with its rows before."""
    place = Place("default", "default", str(root), ("public",))
    ended: dict[str, str] = {}
    documents: list[str] = []
    for event in reader.read(ReadRequest(place, tuple(files), RECIPE, limits=limits or Limits())):
        if isinstance(event, FileStarted):
            documents = []
        elif isinstance(event, FileRows):
            documents += [row.file for row in event.changed]
        else:
            assert event.file not in ended
            if isinstance(event, FileRead):
                assert documents == [event.file] * event.documents
            ended[event.file] = "read" if isinstance(event, FileRead) else event.reason
    assert set(ended) == set(files)
    return ended


def write(root: Path, **contents: str) -> list[str]:
    for name, content in contents.items():
        (root / f"{name}.unruly").write_text(content)
    return [f"{name}.unruly" for name in contents]


def test_a_reader_that_crashes_or_fails_costs_one_file(reader: Reader, tmp_path: Path) -> None:
    files = write(tmp_path, a="fine", b="crash", c="fine", d="raise", e="crash once", f="change", g="fine")
    found = outcomes(reader, tmp_path, [*files, "gone.unruly"])
    assert [name for name, outcome in found.items() if outcome == "read"] == [
        "a.unruly",
        "c.unruly",
        "e.unruly",
        "g.unruly",
    ]
    assert found["b.unruly"] == "It crashed its reader twice (SIGSEGV)."
    assert found["d.unruly"] == "Its reader failed: ZeroDivisionError: by zero"
    assert found["f.unruly"] == "It changed while it was read; index it again."
    assert found["gone.unruly"] == "It cannot be read: no such file or directory."


def test_a_reader_that_hangs_is_killed(reader: Reader, tmp_path: Path) -> None:
    files = write(tmp_path, a="fine", b="hang", c="fine")
    found = outcomes(reader, tmp_path, files, Limits(seconds=0.5))
    assert found == {
        "a.unruly": "read",
        "b.unruly": "It took longer than 0.5 s to read; split it, or raise the limit.",
        "c.unruly": "read",
    }


def test_a_reader_that_swells_is_stopped(reader: Reader, tmp_path: Path) -> None:
    files = write(tmp_path, a="swell", b="fine")
    found = outcomes(reader, tmp_path, files, Limits(memory=2 * 2**30))
    assert found == {"a.unruly": "It takes more than 2 GB of memory; split it.", "b.unruly": "read"}


def test_a_file_of_many_pages_is_read_to_its_end(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*["Herons wait."] * 120))
    place = Place("default", "default", str(tmp_path), ("public",))
    started, *rows, last = reader.read(ReadRequest(place, ("a.pdf",)))
    assert isinstance(started, FileStarted)
    assert [len(each.changed) for each in rows if isinstance(each, FileRows)] == [0, 0, 1]
    assert isinstance(last, FileRead)
    assert last.documents == 1


def test_known_documents_are_named_and_not_sent(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two"}')
    place = Place("default", "default", str(tmp_path), ("public",))
    first = [e for e in reader.read(ReadRequest(place, ("a.jsonl",))) if isinstance(e, FileRows)]
    (one, two) = first[0].changed
    known = frozenset({(one.id, one.hash), (two.id, "another hash")})
    events = list(reader.read(ReadRequest(place, ("a.jsonl",), known=known)))
    assert [type(event) for event in events] == [FileStarted, FileRows, FileRead]
    assert isinstance(events[1], FileRows)
    assert events[1] == FileRows((two,), (one.id,))
    assert isinstance(events[2], FileRead)
    assert (events[2].documents, events[2].passages) == (2, 2)


def test_a_reader_that_cannot_start_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "tempfile.py").write_text("raise SystemError('broken installation')")
    with Reader() as broken, pytest.raises(StoreError, match="broken installation"):
        list(broken.read(ReadRequest(Place("default", "default", str(tmp_path), ("public",)), ("a.md",))))


def test_a_reader_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "a.unruly").write_text("hang")
    place = Place("default", "default", str(tmp_path), ("public",))
    read, write_end = os.pipe()
    parent = os.fork()
    if parent == 0:
        try:
            hanging = Reader()
            events = hanging.read(ReadRequest(place, ("a.unruly",), RECIPE))
            next(events)
            os.write(write_end, str(hanging.pid).encode())
            time.sleep(60)
        finally:
            os._exit(1)
    pid = int(os.read(read, 100))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    deadline = time.monotonic() + 30
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_file_that_fails_ends_with_failed_and_not_with_rows(reader: Reader, tmp_path: Path) -> None:
    records = [*({"_id": str(number), "text": "fine"} for number in range(500)), {"text": "x" * 20_000_001}]
    (tmp_path / "a.json").write_text(json.dumps(records))
    place = Place("default", "default", str(tmp_path), ("public",))
    *_, last = reader.read(ReadRequest(place, ("a.json",)))
    assert isinstance(last, FileFailed)
    assert "million characters" in last.reason


def test_what_is_left_out_of_a_file_ends_its_rows(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{broken\n')
    place = Place("default", "default", str(tmp_path), ("public",))
    *_, last = reader.read(ReadRequest(place, ("a.jsonl",)))
    assert isinstance(last, FileRead)
    assert [(note.text.partition(" is")[0], note.lost) for note in last.notes] == [("Line 2", True)]


def test_files_are_read_without_llamaindex(tmp_path: Path) -> None:
    """To import it takes longer than to read a folder."""
    (tmp_path / "a.md").write_text("# A heading\n\n" + "A sentence of some words. " * 500)
    (tmp_path / "a.jsonl").write_text('{"_id": "1", "text": "one"}')
    program = (
        "import pathlib, sys\n"
        "from orchestrator.indexing.file_documents import Place, Recipe, read_documents\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "for path in root.iterdir():\n"
        "    place = Place('default', 'default', str(root), ('public',))\n"
        "    assert list(read_documents(path.read_bytes(), path.name, place, Recipe()))\n"
        "print('llama_index' in sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "False\n"
