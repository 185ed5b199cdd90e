"""Ready-made nodes. `from orchestrator.nodes import Retrieve, Compress, CitedAnswer`."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Import a node when it is first named; the nodes are listed in `__init__.pyi`."""
    from orchestrator.lazy_names import load

    return load(__name__, name)
