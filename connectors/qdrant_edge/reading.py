"""Shards as they are read: opened through a private view, so that the published files stay as they are."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from qdrant_edge import EdgeShard

from connectors.qdrant_edge.memory import MemoryFolder, require_room
from connectors.qdrant_edge.workplace import copy_file
from orchestrator.errors import OrchestratorError, StoreError

CONFIG, _SEGMENTS, _SEGMENT = "edge_config.json", "segments", "segment.json"
#: What a view takes, at most.
_ROOM = 8 << 20
#: With less room on the disk of a shard, its files with holes are read from copies.
_SCARCE = 64 << 20
_CHUNK = 1 << 20


@contextmanager
def engine_errors(shard: str) -> Generator[None]:
    """Our error for whatever the engine raises while it reads a shard, its panics among them."""
    try:
        yield
    except (OrchestratorError, GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError):
        raise
    except BaseException as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise StoreError(
            f"The shard {shard!r} cannot be read: {reason}.",
            hint="Check it with `orchestrator index verify`, and mend it with `orchestrator index rebuild`.",
        ) from error


class ShardReader:
    """A shard that is open for reading. Opening and closing hold the interpreter for tens of milliseconds.

    The engine writes its configuration, and an empty segment for updates, wherever it opens a shard,
    and waits for the disk to have them; several processes would all do so in one folder. Each gets a
    folder of its own instead, in memory where possible, with links to the published files.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            # What is not in memory yet is fetched here, where other threads can run meanwhile.
            _fetch(path)
            self._view = _View(path)
        except FileNotFoundError as error:
            raise StoreError(
                f"The shard {path.name!r} is missing or incomplete.",
                hint="Add its documents again (`orchestrator index add`), or `orchestrator index rebuild`.",
            ) from error
        except OSError as error:
            raise StoreError(
                f"The shard {path.name!r} cannot be opened: {error.strerror or error}.",
                hint=f"Check the space in {tempfile.gettempdir()} and /dev/shm, and the rights to {path}.",
            ) from error
        try:
            with engine_errors(self.name):
                self.edge = EdgeShard.load(str(self._view.path))
        except BaseException:
            self._view.close()
            raise

    def close(self) -> None:
        """Let go of the files. Whether they still exist does not matter."""
        with suppress(Exception):
            self.edge.close()
        self._view.close()


def _fetch(path: Path) -> None:
    buffer = bytearray(_CHUNK)
    for file in path.rglob("*"):
        if file.is_file():
            with file.open("rb", buffering=0) as opened:
                while opened.readinto(buffer):
                    pass


class _View:
    """A folder of this process's own that looks like a shard, in memory if there is room."""

    def __init__(self, shard: Path) -> None:
        # The engine maps its files, and a hole that it reads takes room on some disks: on a full one that
        # would end the process without a word.
        scarce = shutil.disk_usage(shard).free < _SCARCE
        size = _ROOM + (_written(shard) if scarce else 0)
        self._memory = MemoryFolder.made(size)
        if self._memory is None:
            require_room(Path(tempfile.gettempdir()), size)
        self.path = (
            self._memory.path if self._memory else Path(tempfile.mkdtemp(prefix="orchestrator-shard-"))
        )
        try:
            shutil.copy(shard / CONFIG, self.path)
            for segment in (shard / _SEGMENTS).iterdir():
                mirrored = self.path / _SEGMENTS / segment.name
                mirrored.mkdir(parents=True)
                for entry in segment.iterdir():
                    if entry.name == _SEGMENT:
                        shutil.copy(entry, mirrored)
                    elif scarce:
                        _without_holes(entry, mirrored / entry.name)
                    else:
                        (mirrored / entry.name).symlink_to(entry.absolute())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._memory is not None:
            self._memory.close()
        else:
            shutil.rmtree(self.path, ignore_errors=True)


def _has_holes(file: Path) -> bool:
    stat = file.stat()
    return stat.st_blocks * 512 < stat.st_size


def _written(folder: Path) -> int:
    """Bytes that were written of the files with holes."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_blocks * 512 for file in files if _has_holes(file))


def _without_holes(path: Path, place: Path) -> None:
    """Copies of the files that have holes, and links to the others."""
    if path.is_dir():
        place.mkdir()
        for inner in path.iterdir():
            _without_holes(inner, place / inner.name)
    elif _has_holes(path):
        copy_file(path, place)
    else:
        place.symlink_to(path.absolute())
