"""How a process of this program starts another one of it."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path


def child_command(module: str, *arguments: str) -> list[str]:
    """How to run a module of the package; `-P` keeps the working directory out of what it imports."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """The environment of a child that must import the package as this process did."""
    home = str(Path(__file__).resolve().parents[2])
    if home in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return dict(os.environ)
    path = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}
