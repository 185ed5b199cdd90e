"""Strategies by name: ways to rerank, to fuse and to score a tree's slates, from entry points of
`orchestrator.strategies`.

An entry point is named `rerank.NAME`, `fusion.NAME` or `tree.NAME`. The library's own are found in the same
way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from orchestrator import plugins
from orchestrator.errors import BadInput

Kind = Literal["rerank", "fusion", "tree"]


def strategy_names(kind: Kind) -> list[str]:
    """The names of all strategies of a kind, the library's own first."""
    found = plugins.plugins(plugins.STRATEGIES)
    ours = [name for name, each in found.items() if each[0].own]
    names = [*ours, *sorted(set(found) - set(ours))]
    return [name.removeprefix(f"{kind}.") for name in names if name.startswith(f"{kind}.")]


def known_strategy(kind: Kind) -> Callable[[str], str]:
    """A pydantic check that a strategy of this name exists, for a node's settings."""

    def check(name: str) -> str:
        names = strategy_names(kind)
        if name not in names:
            raise ValueError(f"there is no such strategy; there are {', '.join(names)}")
        return name

    return check


@cache
def strategy(kind: Kind, name: str) -> Any:
    """The strategy of a name. PluginError if it cannot be imported, or two plug-ins declare the name."""
    found = plugins.plugin(plugins.STRATEGIES, f"{kind}.{name}")
    if found is None:
        raise BadInput(
            f"There is no strategy {name!r} for {kind}.", hint=f"There are {', '.join(strategy_names(kind))}."
        )
    return found.load()
