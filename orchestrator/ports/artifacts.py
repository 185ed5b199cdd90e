"""Artifacts: stored folders of files that are written once, such as trained models."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from orchestrator.errors import BadInput

_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*\Z", re.ASCII)


@runtime_checkable
class ArtifactStore(Protocol):
    """Stores artifacts: folders of files that are written once, such as `recommendations/version-3`.

    An artifact is there whole or not at all, and never changes. A store on one host keeps them where they
    are read; one that several hosts share brings them there.
    """

    def create(self, name: str) -> AbstractContextManager[Path]:
        """An empty folder to fill; at the end of the block the artifact is there, unless the block raises.

        BadInput if the name is taken, or has parts of other signs than letters, digits, `.`, `_` and `-`.
        """
        ...

    def open(self, name: str) -> Path:
        """A folder with the artifact's files, to be read only; StoreError if there is none."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """The artifacts whose names begin so, in order."""
        ...

    def delete(self, name: str) -> None:
        """Delete an artifact; nothing if there is none."""
        ...


class ArtifactsBelow:
    """The `ArtifactStore` of one family: the artifacts below `place`, by the rest of their names."""

    def __init__(self, store: ArtifactStore, place: str) -> None:
        self._store = store
        self._place = f"{place}/"

    def create(self, name: str) -> AbstractContextManager[Path]:
        """An empty folder to fill."""
        return self._store.create(self._place + name)

    def open(self, name: str) -> Path:
        """A folder with the artifact's files."""
        return self._store.open(self._place + name)

    def names(self, prefix: str = "") -> list[str]:
        """The artifacts whose names begin so."""
        return [name.removeprefix(self._place) for name in self._store.names(self._place + prefix)]

    def delete(self, name: str) -> None:
        """Delete an artifact; nothing if there is none."""
        self._store.delete(self._place + name)


def check_artifact_name(name: str) -> None:
    """BadInput if this cannot name an artifact, in a folder as on a server."""
    if not _NAME.match(name):
        raise BadInput(
            f"{name!r} cannot name an artifact.",
            hint="Use letters, digits, `.`, `_` and `-`, with `/` between.",
        )
