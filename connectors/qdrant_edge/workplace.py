"""Where shards are made: in memory where there is room, since the engine waits for its disk at every step."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from connectors.qdrant_edge.memory import MemoryFolder, require_room

#: More than this is made on disk: memory may be scarcer than it looks, and waiting matters less.
_LARGEST = 256 << 20
#: What a shard takes while it is made, in bytes: of itself, of a passage, and of each dimension of one.
_SHARD, _PASSAGE, _DIMENSION = 16 << 20, 8192, 12
#: What the engine reserves besides, and a disk gives only when it is written: memory gives it at once. A
#: container has 64 MB in all by default.
_RESERVED = 48 << 20
_CHUNK = 64 << 10
_NOTHING = bytes(_CHUNK)


@contextmanager
def workplace(folder: Path, passages: int, dimensions: int) -> Generator[Path]:
    """A new folder in which a shard of so many passages is made; what is in it at the end is in `folder`.

    `folder` is made. Both are gone if anything fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size = _SHARD + passages * (_PASSAGE + dimensions * _DIMENSION)
    memory = MemoryFolder.made(size + _RESERVED) if size <= _LARGEST else None
    try:
        if memory is None:
            require_room(folder, size)
        yield memory.path if memory else folder
        if memory is not None:
            _copy(memory.path, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if memory is not None:
            memory.close()


def _copy(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        copied = target / path.relative_to(source)
        if path.is_dir():
            copied.mkdir(parents=True, exist_ok=True)
        else:
            copied.parent.mkdir(parents=True, exist_ok=True)
            copy_file(path, copied)


def copy_file(source: Path, target: Path) -> None:
    """Copy what was written of a file: the engine makes files of 32 MB that hold a few bytes."""
    with source.open("rb", buffering=0) as reading, target.open("xb", buffering=0) as writing:
        size = os.fstat(reading.fileno()).st_size
        writing.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(reading.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole is left
                    return
                raise
            end = os.lseek(reading.fileno(), at, os.SEEK_HOLE)
            while at < end:
                part = os.pread(reading.fileno(), min(_CHUNK, end - at), at)
                # Memory has pages for what the engine reserved and never wrote; a disk need not.
                if part != _NOTHING[: len(part)]:
                    os.pwrite(writing.fileno(), part, at)
                at += len(part)
