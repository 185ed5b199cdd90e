"""Entry points: what installed distributions add to the library, by group and name.

The installed distributions are read once, when a group is first asked for (about 20 ms), and what a
name stands for is imported when it is used. The library's own connectors and strategies come in this
way, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestrator.errors import OrchestratorError, PluginError

log = logging.getLogger("orchestrator.plugins")

#: Providers of ports: a `Provider`, or several.
CONNECTORS = "orchestrator.connectors"
#: Handlers of jobs.
JOBS = "orchestrator.jobs"
#: What is derived from documents, and follows them.
DERIVED = "orchestrator.derived"
#: Commands: a `typer.Typer`, or a function with typer's annotations.
COMMANDS = "orchestrator.commands"
#: FastAPI's routers.
ROUTES = "orchestrator.routes"
#: Ways to rerank (`rerank.NAME`) and to fuse rankings (`fusion.NAME`).
STRATEGIES = "orchestrator.strategies"
#: Factories of recommenders' trainers.
RANKERS = "orchestrator.rankers"
#: Loaders of data sets.
DATASETS = "orchestrator.datasets"
#: Workflows.
WORKFLOWS = "orchestrator.workflows"

GROUPS = (CONNECTORS, JOBS, DERIVED, COMMANDS, ROUTES, STRATEGIES, RANKERS, DATASETS, WORKFLOWS)

#: The distribution that the library itself is.
OWN = "orchestrator-rag"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: a name in a group, the object it stands for, and the distribution that declares it."""

    group: str
    name: str
    object: str
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """The distribution with its version."""
        return f"{self.distribution} {self.version}"

    @property
    def own(self) -> bool:
        """Whether it comes with the library."""
        return self.distribution == OWN

    def load(self) -> Any:
        """Import the object. PluginError names the distribution if that fails."""
        import importlib

        module, _, attributes = self.object.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for each in filter(None, attributes.split(".")):
                found = getattr(found, each)
        except OrchestratorError as error:
            raise broken(self, error.message) from error
        except (Exception, SystemExit) as error:
            raise broken(self, f"{type(error).__name__}: {error}") from error
        return found


def broken(plugin: Plugin, reason: str) -> PluginError:
    """The error for a plug-in that cannot be used."""
    return PluginError(
        f"The plug-in {plugin.name!r} ({plugin.group}) of {plugin.origin} cannot be used: "
        f"{reason.rstrip('.')}.",
        hint=f"Repair it, or: `pip uninstall {plugin.distribution}`.",
    )


def plugins(group: str) -> Mapping[str, tuple[Plugin, ...]]:
    """The entry points of a group by name. A name with more than one is taken by none; see `plugin`."""
    return _scanned().get(group, {})


def plugin(group: str, name: str) -> Plugin | None:
    """The entry point of a name, or None. PluginError names both distributions if two declare it."""
    found = plugins(group).get(name, ())
    if len(found) > 1:
        raise clash(found)
    return found[0] if found else None


def clash(found: tuple[Plugin, ...]) -> PluginError:
    """The error for a name that several distributions declare."""
    both = " and ".join(each.origin for each in found)
    return PluginError(
        f"{found[0].name!r} is declared twice in {found[0].group}: by {both}.",
        hint="Uninstall one of them.",
    )


def usable(group: str) -> Iterator[tuple[Plugin, Any]]:
    """What loads of a group; what does not is logged and left out, and `orchestrator doctor` names it."""
    for name in plugins(group):
        try:
            found = plugin(group, name)
            if found is not None:
                yield found, found.load()
        except PluginError as error:
            log.warning("%s", error)


@cache
def _scanned() -> dict[str, dict[str, tuple[Plugin, ...]]]:
    from importlib.metadata import distributions

    groups: dict[str, dict[str, tuple[Plugin, ...]]] = {}
    seen: set[str] = set()
    for each in distributions():
        # Names and versions stand in a larger file, which is read of those alone that add something.
        text = each.read_text("entry_points.txt")
        if not text or "orchestrator." not in text:
            continue
        name = each.name.lower().replace("_", "-").replace(".", "-")
        if name in seen:
            # Of two installations of one distribution, the first is the one that is imported.
            continue
        seen.add(name)
        for point in each.entry_points:
            if point.group in GROUPS:
                found = Plugin(point.group, point.name, point.value, name, each.version)
                group = groups.setdefault(point.group, {})
                group[point.name] = (*group.get(point.name, ()), found)
    return groups
