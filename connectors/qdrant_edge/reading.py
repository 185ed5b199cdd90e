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
from orchestrator.errors import OrchestratorError, StoreError

CONFIG, _SEGMENTS, _SEGMENT = "edge_config.json", "segments", "segment.json"
#: What a view takes, at most.
_ROOM = 8 << 20
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
        self._memory = MemoryFolder.made(_ROOM)
        if self._memory is None:
            require_room(Path(tempfile.gettempdir()), _ROOM)
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
