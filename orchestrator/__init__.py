"""Compose retrieval, reasoning and recommendation as one typed graph; check it; run it three ways."""

from __future__ import annotations

from typing import Any

from orchestrator.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; the names are listed in `__init__.pyi`."""
    from orchestrator.lazy_names import load

    return load(__name__, name)
