"""Artifacts in a folder of this host."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import BadInput, StoreError

_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*\Z", re.ASCII)
#: Where artifacts are until they are whole; no name of one begins so.
_UNFINISHED = ".unfinished"
#: The file by which the folder of an artifact is told from one that only leads to some.
_WHOLE = ".artifact"


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
        building = self._folder / _UNFINISHED / uuid.uuid4().hex
        try:
            building.mkdir(parents=True)
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
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def open(self, name: str) -> Path:
        """The artifact's own folder."""
        path = self._path(name)
        if not (path / _WHOLE).is_file():
            raise StoreError(f"There is no artifact {name!r}.", hint="Make it again.")
        return path

    def names(self, prefix: str = "") -> list[str]:
        """The artifacts whose names begin so."""
        found: list[str] = []
        for path, folders, files in os.walk(self._folder):
            below = Path(path).relative_to(self._folder).as_posix()
            if below == ".":
                folders[:] = [each for each in folders if each != _UNFINISHED]
            elif _WHOLE in files:
                found.append(below)
                folders.clear()
        return sorted(name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Take its name away first, so that nobody opens half of it."""
        path, going = self._path(name), self._folder / _UNFINISHED / uuid.uuid4().hex
        try:
            going.parent.mkdir(parents=True, exist_ok=True)
            path.rename(going)
        except FileNotFoundError:
            return
        shutil.rmtree(going, ignore_errors=True)

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise BadInput(
                f"{name!r} cannot name an artifact.",
                hint="Use letters, digits, `.`, `_` and `-`, with `/` between.",
            )
        return self._folder / name


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
