"""The shipped rankers that need no deep learning library."""

from __future__ import annotations

from typing import Any, cast

from orchestrator import plugins
from orchestrator.recommendation.rankers.registry import RankerRegistry


def classic_rankers() -> RankerRegistry:
    """The registry of those, from their entry points."""
    # They ask nothing of the application that they are made for.
    build = cast("Any", None)
    return RankerRegistry.of(
        make(build)
        for found, make in plugins.usable(plugins.RANKERS)
        if found.own and found.object.startswith("orchestrator.")
    )
