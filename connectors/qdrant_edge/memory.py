"""Folders in memory, which wait for no disk; what a killed process left of them is deleted by the next."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

_MEMORY = Path("/dev/shm")  # noqa: S108
_PREFIX = "orchestrator-shard-"
#: Of control groups of version 2 and 1: what may be used, and what is.
_GROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    (_GROUP / "memory.max", _GROUP / "memory.current"),
    (_GROUP / "memory" / "memory.limit_in_bytes", _GROUP / "memory" / "memory.usage_in_bytes"),
)


class MemoryFolder:
    """A new folder in memory, beside a file that is locked for as long as its process lives."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def made(cls, size: int) -> Self | None:
        """A folder with room for so many bytes; None if there is none, or no such file system."""
        if not _room(size):
            return None
        _sweep()
        try:
            lock, name = tempfile.mkstemp(".lock", _PREFIX, _MEMORY)
        except OSError:
            return None
        path = Path(name).with_suffix("")
        # A sweeper may have been quicker than the lock.
        if not _locked(lock):
            os.close(lock)
            return None
        path.mkdir()
        return cls(path, lock)

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(self._lock)


def require_room(folder: Path, size: int) -> None:
    """Raise OSError (ENOSPC) if a disk has no room for so many bytes.

    What the engine writes to a mapped file of a full disk would end the process without a word.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        told = f"There is no room: about {size >> 20} MB are needed, and {free >> 20} MB are free in"
        raise OSError(errno.ENOSPC, told, str(folder))


def _room(size: int) -> bool:
    # A full file system in memory would end the process when the engine writes to a mapped file.
    try:
        free = shutil.disk_usage(_MEMORY).free
        available = min(_machine(), _container())
    except (OSError, ValueError, StopIteration):
        return False
    return 2 * size <= free and 4 * size <= available


def _machine() -> int:
    """Bytes of memory that programs can still have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def _container() -> int:
    """Bytes that a container's limit leaves; as good as endless without one."""
    for limit, used in _LIMITS:
        if limit.exists() and (text := limit.read_text().strip()).isdigit():
            return int(text) - int(used.read_text())
    return 1 << 62


def _sweep() -> None:
    for path in _MEMORY.glob(f"{_PREFIX}*.lock"):
        # Another user's files are theirs to delete.
        with suppress(OSError):
            lock = os.open(path, os.O_RDWR)
            try:
                if _locked(lock):
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    path.unlink()
            finally:
                os.close(lock)


def _locked(lock: int) -> bool:
    """Lock an open file; False if another process has it, or has deleted it."""
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(lock).st_nlink > 0
