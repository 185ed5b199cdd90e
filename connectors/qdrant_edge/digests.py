"""What the files of a shard are, so that a change of any of them can be found."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.errors import StoreError

#: Files are hashed in blocks; one of zeros is left out.
_BLOCK = 64 << 10
_NOTHING = bytes(_BLOCK)


def digests(shard: Path) -> dict[str, str]:
    """The digest of every file of a shard, by its name below the shard's folder; none if it is gone.

    Most of a shard is room that is not used yet. So a file's digest is the SHA-256 of its size and of its
    blocks of 64 KiB, each after its position, without those that hold nothing but zeros.
    """
    files = sorted(path for path in shard.rglob("*") if path.is_file()) if shard.is_dir() else []
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(_digest, files)
        return dict(zip((path.relative_to(shard).as_posix() for path in files), found, strict=True))


def _digest(path: Path) -> str:
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(size.to_bytes(8, "little"))
            at = 0
            while at < size:
                at = _next_data(file.fileno(), at)
                if at < 0:
                    break
                block = os.pread(file.fileno(), _BLOCK, at)
                if not block:
                    break
                if block != _NOTHING[: len(block)]:
                    digest.update(at.to_bytes(8, "little"))
                    digest.update(block)
                at += len(block)
            return digest.hexdigest()
    except OSError as error:
        raise StoreError(
            f"The file {path} cannot be read: {error.strerror}.", hint="Check the disk."
        ) from error


def _next_data(descriptor: int, at: int) -> int:
    """Where the next block that may hold something begins; -1 if there is none."""
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA) // _BLOCK * _BLOCK
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole is left
            return -1
        if error.errno in (errno.EINVAL, errno.ENOTSUP):
            return at
        raise
