"""The libraries of the extra `recommend`, imported when they are first used."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from orchestrator.errors import SettingsError

INSTALL = "Install it: `pip install 'orchestrator-rag[recommend]'`."


def library(name: str) -> Any:
    """A module by its name. SettingsError with the next step when it is not installed."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):
        raise SettingsError(
            f"Recommendation computes with {name.partition('.')[0]}, which is not installed.", hint=INSTALL
        ) from None


def absent(*names: str) -> str | None:
    """The first of these libraries that is not installed, without importing it."""
    return next((name for name in names if importlib.util.find_spec(name) is None), None)
