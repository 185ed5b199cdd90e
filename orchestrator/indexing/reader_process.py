"""The process that reads files: `python -m orchestrator.indexing.reader_process DESCRIPTOR`."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing.connection
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import OrchestratorError, UnreadableFile
from orchestrator.indexing.file_documents import read_documents
from orchestrator.indexing.files import read_below
from orchestrator.indexing.isolated_reading import (
    FileFailed,
    FileRead,
    FileRows,
    FileStarted,
    Limits,
    ReadEvent,
    ReadRequest,
)
from orchestrator.indexing.readers import READERS, reader_for
from orchestrator.indexing.readers.file import FileNote, StillReading
from orchestrator.ports import DocumentRow

#: How many documents, and how many characters of them, go into one message.
_DOCUMENTS, _CHARACTERS = 128, 400_000


def main(descriptor: int) -> None:
    """Answer requests until the other end is closed."""
    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    connection = multiprocessing.connection.Connection(descriptor)
    # What is imported by now lives as long as the process: no need to look at it again and again.
    gc.freeze()
    try:
        while True:
            request: ReadRequest = connection.recv()
            _limit_memory(request.limits)
            _prepare(request)
            for file in request.files:
                connection.send(FileStarted(file))
                for event in _read(file, request):
                    connection.send(event)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _prepare(request: ReadRequest) -> None:
    """Import what the files need, so that the time it takes is not the first one's."""
    for suffix in {Path(file).suffix.lower() for file in request.files}:
        # One that cannot be imported fails its files, each with the reason.
        with suppress(Exception):
            reader_for(suffix, request.recipe.readers)


def _read(file: str, request: ReadRequest) -> Iterator[ReadEvent]:
    try:
        yield from _read_whole(file, request)
    except OrchestratorError as error:
        yield FileFailed(file, error.message)
    except MemoryError:
        yield FileFailed(
            file, f"It takes more than {request.limits.memory / 2**30:.0f} GB of memory; split it."
        )
    except RecursionError:
        yield FileFailed(file, "It is nested too deep.")
    except Exception as error:
        # A reader's own mistake, or another's reader: it must not stop the others.
        yield FileFailed(file, f"Its reader failed: {type(error).__name__}: {error}")


def _read_whole(file: str, request: ReadRequest) -> Iterator[ReadEvent]:
    copy = request.copies.get(file)
    root = Path(request.place.root)

    def content() -> bytes:
        return Path(copy.path).read_bytes() if copy else read_below(root, file, request.limits.size)

    data = content()
    digest = request.recipe.hash(file, copy.version if copy else hashlib.sha256(data).hexdigest())
    changed: list[DocumentRow] = []
    unchanged: list[str] = []
    notes: list[FileNote] = []
    documents = passages = characters = 0
    for row in read_documents(data, file, request.place, request.recipe, copy and Path(copy.path)):
        if isinstance(row, FileNote):
            notes.append(row)
            continue
        if isinstance(row, StillReading):
            yield FileRows((), ())
            continue
        documents += 1
        passages += len(row.passages)
        if (row.id, row.hash) in request.known:
            unchanged.append(row.id)
        else:
            changed.append(row)
            characters += sum(len(passage.text) for passage in row.passages)
        if len(changed) + len(unchanged) >= _DOCUMENTS or characters >= _CHARACTERS:
            yield FileRows(tuple(changed), tuple(unchanged))
            changed, unchanged, characters = [], [], 0
    suffix = Path(file).suffix.lower()
    if request.recipe.readers[suffix] != READERS.get(suffix) and content() != data:
        # Others' readers open the file themselves.
        raise UnreadableFile("It changed while it was read; index it again.")
    if changed or unchanged:
        yield FileRows(tuple(changed), tuple(unchanged))
    yield FileRead(file, digest, len(data), documents, passages, tuple(notes))


def _limit_memory(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    soft = limits.memory if most == resource.RLIM_INFINITY else min(limits.memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (soft, most))


def _follow_parent(parent: int) -> None:
    """End with the parent, even in the middle of a file."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
