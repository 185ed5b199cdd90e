"""A store of artifacts that is no folder: files in memory, brought into a folder for whoever opens them."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import BadInput, StoreError
from orchestrator.ports import ArtifactStore, Build, Provider
from tests.plugin.distribution import describe


class MemoryArtifacts:
    """The `ArtifactStore` port, as several hosts would share one; `folder` is of this host."""

    def __init__(self, folder: Path) -> None:
        self.stored: dict[str, Mapping[str, bytes]] = {}
        self._folder = folder

    @contextmanager
    def create(self, name: str) -> Generator[Path]:
        if _checked(name) in self.stored:
            raise BadInput(f"There is an artifact {name!r} already.")
        building = self._folder / "building" / uuid.uuid4().hex
        building.mkdir(parents=True)
        try:
            yield building
            if name in self.stored:
                raise StoreError(f"The artifact {name!r} could not be written: another was quicker.")
            self.stored[name] = {
                each.relative_to(building).as_posix(): each.read_bytes()
                for each in building.rglob("*")
                if each.is_file()
            }
        finally:
            shutil.rmtree(building)

    def open(self, name: str) -> Path:
        if _checked(name) not in self.stored:
            raise StoreError(f"There is no artifact {name!r}.")
        brought = self._folder / "brought" / name
        shutil.rmtree(brought, ignore_errors=True)
        for file, content in self.stored[name].items():
            (brought / file).parent.mkdir(parents=True, exist_ok=True)
            (brought / file).write_bytes(content)
        return brought

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self.stored if name.startswith(prefix))

    def delete(self, name: str) -> None:
        self.stored.pop(_checked(name), None)


def _checked(name: str) -> str:
    if not re.fullmatch(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", name, re.ASCII):
        raise BadInput(f"{name!r} cannot name an artifact.")
    return name


#: The store that the applications of a test share: the newest.
stores: list[MemoryArtifacts] = []


def _made(build: Build) -> MemoryArtifacts:
    return stores[-1]


providers = (Provider(port=ArtifactStore, name="memory", make=_made, description="in memory"),)


def installed(folder: Path) -> Path:
    """A distribution that adds the connector `memory`, in a folder that can be put on the path."""
    points = {"orchestrator.connectors": {"memory": "tests.recommendation.memory_artifacts:providers"}}
    folder.mkdir(parents=True)
    describe(folder, "orchestrator-memory", "0.1", points)
    return folder
