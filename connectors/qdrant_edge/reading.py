"""Shards as they are read: opened through a private view, so that the published files stay as they are."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from qdrant_edge import EdgeShard

from orchestrator.errors import StoreError

_CONFIG, _SEGMENTS, _SEGMENT = "edge_config.json", "segments", "segment.json"
#: Where the views lie if there is room, so that no write of the engine waits for a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM = 32 << 20
_CHUNK = 1 << 20


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
            self._view = _view(path)
        except FileNotFoundError as error:
            raise StoreError(
                f"shard {path.name!r} is missing or incomplete.", hint="Run `orchestrator index verify`."
            ) from error
        try:
            self.edge = EdgeShard.load(str(self._view))
        except Exception as error:
            shutil.rmtree(self._view, ignore_errors=True)
            raise StoreError(
                f"shard {path.name!r} cannot be opened: {error}.", hint="Run `orchestrator index rebuild`."
            ) from error

    def close(self) -> None:
        """Let go of the files. Whether they still exist does not matter."""
        with suppress(Exception):
            self.edge.close()
        shutil.rmtree(self._view, ignore_errors=True)


def _fetch(path: Path) -> None:
    buffer = bytearray(_CHUNK)
    for file in path.rglob("*"):
        if file.is_file():
            with file.open("rb", buffering=0) as opened:
                while opened.readinto(buffer):
                    pass


def _view(path: Path) -> Path:
    view = Path(tempfile.mkdtemp(prefix="orchestrator-shard-", dir=_where()))
    try:
        shutil.copy(path / _CONFIG, view)
        for segment in (path / _SEGMENTS).iterdir():
            mirrored = view / _SEGMENTS / segment.name
            mirrored.mkdir(parents=True)
            for entry in segment.iterdir():
                if entry.name == _SEGMENT:
                    shutil.copy(entry, mirrored)
                else:
                    (mirrored / entry.name).symlink_to(entry.absolute())
    except BaseException:
        shutil.rmtree(view, ignore_errors=True)
        raise
    return view


def _where() -> Any:
    # A full file system in memory would end the process when the engine writes to a mapped file.
    with suppress(OSError):
        if shutil.disk_usage(_MEMORY).free > _ROOM:
            return _MEMORY
    return None
