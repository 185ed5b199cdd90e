"""Reads the entry points that installed distributions declare, and those that a checkout declares.

`importlib.metadata` gives the same, and takes ten times as long: it is slow to import, and reads each of the
files through `pathlib`. Every command reads them, so that a start of the program would be a tenth longer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from importlib.metadata import Distribution

#: Where a distribution's metadata name its entry points.
FILE = "entry_points.txt"


class EntryPoint(NamedTuple):
    """A name in a group, the object it stands for, and the distribution that declares it."""

    group: str
    name: str
    object: str
    distribution: str
    version: str


def installed(prefix: str) -> Iterator[EntryPoint]:
    """The entry points of all groups whose names begin with `prefix`, in the order of the import path.

    Of two installations of one distribution, the first is the one that is imported; the other is left out.
    """
    seen: set[str] = set()
    for name, version, text in _distributions(f"[{prefix}"):
        if name not in seen:
            seen.add(name)
            for group, point, value in _points(text):
                if group.startswith(prefix):
                    yield EntryPoint(group, point, value, name, version)


def declared(project: Path, distribution: str) -> frozenset[tuple[str, str, str]]:
    """Group, name and object of the entry points in the pyproject.toml of this distribution."""
    import tomllib

    try:
        table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return frozenset()
    if table.get("name") != distribution:
        return frozenset()
    groups = cast("dict[str, dict[str, str]]", table.get("entry-points", {}))
    return frozenset((group, name, value) for group, each in groups.items() for name, value in each.items())


def _distributions(mark: str) -> Iterator[tuple[str, str, str]]:
    """Name, version and entry points of those distributions whose entry points contain `mark`."""
    for folder in dict.fromkeys(each or "." for each in sys.path):
        try:
            with os.scandir(folder) as inside:
                metadata = [each for each in inside if each.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:
            yield from _described(mark, _archived(folder))
            continue
        except OSError:
            continue
        for each in metadata:
            yield from _read(mark, each)
    for finder in sys.meta_path:
        # The import path is searched above; another finder knows where else to look.
        search = getattr(finder, "find_distributions", None)
        if search is not None and finder is not PathFinder:
            from importlib.metadata import DistributionFinder

            yield from _described(mark, search(DistributionFinder.Context()))


def _read(mark: str, metadata: os.DirEntry[str]) -> Iterator[tuple[str, str, str]]:
    """The same of one distribution, from the folder of its metadata."""
    try:
        with open(f"{metadata.path}/{FILE}", encoding="utf-8") as file:  # noqa: PTH123 - half as long
            text = file.read()
    except OSError:
        return
    if mark not in text:
        return
    if metadata.name.endswith(".dist-info"):
        # The standard of wheels: a name and a version without another dash.
        name, _, version = metadata.name.removesuffix(".dist-info").rpartition("-")
        yield _normalised(name), version, text
    else:
        from importlib.metadata import Distribution

        yield from _described(mark, [Distribution.at(metadata.path)])


def _archived(archive: str) -> Iterable[Distribution]:
    from importlib.metadata import distributions

    return distributions(path=[archive])


def _described(mark: str, found: Iterable[Distribution]) -> Iterator[tuple[str, str, str]]:
    for each in found:
        text = each.read_text(FILE)
        if text and mark in text:
            yield _normalised(each.name), each.version, text


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _points(text: str) -> Iterator[tuple[str, str, str]]:
    """Group, name and object of each line."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            # Extras may follow the object, in brackets.
            yield group, name.strip(), value.partition("[")[0].strip()
