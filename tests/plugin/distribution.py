"""Installs a small distribution into a folder, as pip would: its package and its metadata."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PETSHOP = Path(__file__).parent


def install(folder: Path, source: Path = PETSHOP) -> Path:
    """The distribution of a pyproject.toml, in a folder that can be put on the path."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    package = source / "petshop"
    shutil.copytree(package, folder / "petshop", ignore=shutil.ignore_patterns("__pycache__"))
    describe(folder, project["name"], project["version"], project["entry-points"])
    return folder


def describe(folder: Path, name: str, version: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """The metadata of a distribution with these entry points."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = (
        "\n".join((f"[{group}]", *(f"{each} = {value}" for each, value in names.items())))
        for group, names in points.items()
    )
    (info / "entry_points.txt").write_text("\n\n".join(groups) + "\n")


def environment(*folders: Path) -> dict[str, str]:
    """The environment of a process that has these folders on its path."""
    path = [*map(str, folders), str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
