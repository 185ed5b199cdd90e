"""A backup as one file: the state, the shards it names and what was trained, with hashes, the manifest last.

The manifest comes last so that an archive that was cut short has none, and is refused.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from orchestrator.errors import BadInput, StoreError
from orchestrator.progress import Progress

FORMAT = 1
STATE = "state.db"
SHARDS = "indexes"
TRAINED = "recommendations"
_MANIFEST = "manifest.json"
_MEMBER = re.compile(rf"(?:{STATE}|(?:{SHARDS}|{TRAINED})(?:/(?!\.\.?/)[^/\\\0]+)+)\Z")
_CHUNK = 1 << 20

#: Called with bytes done, bytes in all, and what is being copied.


@dataclass(frozen=True, slots=True)
class ArchivedIndex:
    """An index in an archive, with the shards of it, if its store is embedded.

    Of an index in another store the archive has the texts, and no `vectors`: it must be rebuilt.
    """

    name: str
    version: int
    documents: int
    passages: int
    shards: tuple[str, ...] = ()
    vectors: bool = True


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file in an archive; `sha256` in hexadecimal, `size` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of an archive. `created` is in seconds since the epoch, `trained` an edition."""

    format: int
    release: str
    created: float
    indexes: tuple[ArchivedIndex, ...]
    files: Mapping[str, ArchivedFile]
    trained: str | None = None


_MANIFESTS = TypeAdapter(Manifest)


def write_archive(
    path: Path,
    folder: Path,
    *,
    release: str,
    created: float,
    indexes: tuple[ArchivedIndex, ...],
    progress: Progress,
    trained: str | None = None,
) -> Manifest:
    """Pack everything in `folder`; the archive appears whole under its name or not at all."""
    part = path.with_name(f".{path.name}.part")
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    total, done = sum(file.stat().st_size for file in found), 0
    files: dict[str, ArchivedFile] = {}
    try:
        with (
            part.open("wb") as raw,
            # Shards are mostly room that is not used yet: even the quickest compression takes that out.
            gzip.GzipFile("", "wb", 1, raw, created) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for file in found:
                name = file.relative_to(folder).as_posix()
                progress(done, total, name)
                with file.open("rb") as content:
                    hashing = _Hashing(content)
                    info = tarfile.TarInfo(name)
                    info.size, info.mtime = file.stat().st_size, int(created)
                    tar.addfile(info, hashing)
                files[name] = ArchivedFile(info.size, hashing.digest())
                done += info.size
            manifest = Manifest(FORMAT, release, created, indexes, files, trained)
            described = json.dumps(asdict(manifest)).encode()
            info = tarfile.TarInfo(_MANIFEST)
            info.size, info.mtime = len(described), int(created)
            tar.addfile(info, io.BytesIO(described))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise StoreError(f"{path} could not be written: {reason}.", hint="Name another place.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return manifest


def read_archive(path: Path, folder: Path, *, progress: Progress) -> Manifest:
    """Unpack an archive into an empty folder, and hold every file to its hash.

    BadInput if it is none of ours, was cut short, is damaged, or was written by a newer release.
    """
    found: dict[str, ArchivedFile] = {}
    manifest: Manifest | None = None
    try:
        total = path.stat().st_size
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as tar:
            for info in tar:
                progress(raw.tell(), total, info.name)
                content = tar.extractfile(info) if info.isreg() else None
                if content is None:
                    raise BadInput(f"{path} holds {info.name!r}, which is not a plain file.", hint=_ANOTHER)
                if info.name == _MANIFEST:
                    manifest = _MANIFESTS.validate_json(content.read())
                else:
                    found[info.name] = _unpacked(content, info.name, folder, path)
            # To its very end, where the checksum of the whole is.
            while tar.fileobj.read(_CHUNK):
                pass
    except FileNotFoundError:
        raise BadInput(f"There is no backup {path}.", hint="Check the path.") from None
    except (tarfile.TarError, ValidationError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        if isinstance(error, EOFError):
            raise BadInput(f"{path} was cut short.", hint=_ANOTHER) from None
        what = "is damaged" if found else "is not a backup of this program"
        raise BadInput(
            f"{path} {what}: {str(error).partition(chr(10))[0].rstrip(':.')}.", hint=_ANOTHER
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{path} could not be unpacked: {reason}.", hint="Check the disk.") from error
    if manifest is None:
        raise BadInput(f"{path} was cut short: its manifest is missing.", hint=_ANOTHER)
    if manifest.format > FORMAT:
        raise BadInput(
            f"{path} has the format {manifest.format}; this release knows up to {FORMAT}.",
            hint=f"Restore it with release {manifest.release}.",
        )
    if dict(manifest.files) != found:
        wrong = sorted(
            name for name in {*manifest.files, *found} if manifest.files.get(name) != found.get(name)
        )
        raise BadInput(f"{path} is damaged: {wrong[0]} is not what was backed up.", hint=_ANOTHER)
    return manifest


_ANOTHER = "Take another backup."


def _unpacked(content: IO[bytes], name: str, folder: Path, path: Path) -> ArchivedFile:
    if not _MEMBER.match(name):
        raise BadInput(f"{path} holds {name!r}, which no backup has.", hint=_ANOTHER)
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        for chunk in _chunks(content):
            digest.update(chunk)
            size += len(chunk)
            if any(chunk):
                file.write(chunk)
            else:
                # Room that is not used yet takes none on the disk either.
                file.seek(len(chunk), os.SEEK_CUR)
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
    return ArchivedFile(size, digest.hexdigest())


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        self._digest.update(chunk)
        return chunk

    def digest(self) -> str:
        """The hash of what was read, in hexadecimal."""
        return self._digest.hexdigest()
