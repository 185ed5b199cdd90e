"""Artifacts in a folder of this host."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.errors import BadInput, StoreError
from orchestrator.ports import ArtifactStore, Build, Provider
from orchestrator.ports.artifacts import check_artifact_name

#: Where artifacts are until they are whole; no name of one begins so.
_UNFINISHED = ".unfinished"
#: The file by which the folder of an artifact is told from one that only leads to some. Editions of
#: recommenders that were made by earlier releases have their manifest only.
_WHOLE, _EARLIER = ".artifact", "manifest.json"
#: What says that a process is at work on what is beside it.
_LOCK = ".lock"


class FolderArtifacts:
    """The `ArtifactStore` port: each artifact is a folder below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def create(self, name: str) -> Generator[Path]:
        """An empty folder to fill, which gets its name at the end of the block."""
        final = self._path(name)
        if final.exists():
            raise BadInput(
                f"There is an artifact {name!r} already.", hint="Artifacts never change: take another name."
            )
        try:
            with self._unfinished() as building:
                building.mkdir()
                yield building
                (building / _WHOLE).touch()
                _to_disk(building)
                final.parent.mkdir(parents=True, exist_ok=True)
                # Onto a folder that another made meanwhile this fails, since it is not empty.
                building.rename(final)
                _sync(final.parent)
        except OSError as error:
            raise StoreError(
                f"The artifact {name!r} could not be written: {error.strerror or error}.",
                hint="Check the disk.",
            ) from error

    def open(self, name: str) -> Path:
        """The artifact's own folder."""
        path = self._path(name)
        if not any((path / mark).is_file() for mark in (_WHOLE, _EARLIER)):
            raise StoreError(f"There is no artifact {name!r}.", hint="Make it again.")
        return path

    def names(self, prefix: str = "") -> list[str]:
        """The artifacts whose names begin so."""
        found: list[str] = []
        for path, folders, files in os.walk(self._folder / prefix.rpartition("/")[0]):
            below = Path(path).relative_to(self._folder).as_posix()
            if below == ".":
                folders[:] = [each for each in folders if each != _UNFINISHED]
            elif _WHOLE in files or _EARLIER in files:
                found.append(below)
                folders.clear()
        return sorted(name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Take its name away first, so that nobody opens half of it."""
        path = self._path(name)
        if path.exists():
            with self._unfinished() as going, suppress(FileNotFoundError):
                path.rename(going)

    @contextmanager
    def _unfinished(self) -> Generator[Path]:
        """A path for what is no artifact yet, or no longer, deleted at the end with what others left.

        The system frees the lock of a process that was killed.
        """
        place = self._folder / _UNFINISHED
        path = place / uuid.uuid4().hex
        place.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(_LOCK).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            _sweep(place)
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)
                path.with_suffix(_LOCK).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        check_artifact_name(name)
        return self._folder / name


def _sweep(place: Path) -> None:
    """Delete what was left by processes that were killed."""
    for lock in place.glob(f"*{_LOCK}"):
        with suppress(OSError), lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()


def _to_disk(folder: Path) -> None:
    for path, _, files in os.walk(folder):
        for file in files:
            _sync(Path(path) / file)
        _sync(Path(path))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _made(build: Build) -> FolderArtifacts:
    return FolderArtifacts(build.home)


providers = (Provider(port=ArtifactStore, name="folder", make=_made, description="folders in `home`"),)
