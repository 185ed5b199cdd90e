"""Entry points: what installed distributions add to the library, by group and name.

The installed distributions are read once, when a group is first asked for (about 2 ms), and what a name
stands for is imported when it is used. All that comes with the library comes in this way, too: its
connectors, strategies, rankers, data sets, commands, routes and workflows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.entry_points import declared, installed
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
#: Ways to rerank (`rerank.NAME`), to fuse rankings (`fusion.NAME`) and to score slates of trees
#: (`tree.NAME`).
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
#: Where its pyproject.toml lies, if this is a checkout.
CHECKOUT = Path(__file__).parents[1]


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
    again = f"Install it again: `pip install -e {CHECKOUT}`, or `pip install --force-reinstall {OWN}`."
    return PluginError(
        f"The plug-in {plugin.name!r} ({plugin.group}) of {plugin.origin} cannot be used: "
        f"{reason.rstrip('.')}.",
        hint=again if plugin.own else f"Repair it, or: `pip uninstall {plugin.distribution}`.",
    )


def plugins(group: str) -> Mapping[str, tuple[Plugin, ...]]:
    """The entry points of a group by name, the library's own first.

    A name with more than one is taken by none; see `plugin`.
    """
    return _scanned().get(group, {})


def plugin(group: str, name: str) -> Plugin | None:
    """The entry point of a name, or None.

    PluginError names both distributions if two declare it, and says to install again if only the source of
    this checkout declares it.
    """
    found = plugins(group).get(name, ())
    if len(found) > 1:
        raise clash(found)
    if not found and name in uninstalled().get(group, ()):
        raise outdated(group)
    return found[0] if found else None


def clash(found: tuple[Plugin, ...]) -> PluginError:
    """The error for a name that several distributions declare."""
    both = " and ".join(each.origin for each in found)
    return PluginError(
        f"{found[0].name!r} is declared twice in {found[0].group}: by {both}.",
        hint="Uninstall one of them.",
    )


def uninstalled() -> Mapping[str, tuple[str, ...]]:
    """By group, the names that this checkout's pyproject.toml declares and its installation does not know.

    An editable installation runs today's source with the entry points of the day it was made. Empty where the
    library is not run from a checkout.
    """
    found: dict[str, tuple[str, ...]] = {}
    for group, name, value in sorted(declared(CHECKOUT / "pyproject.toml", OWN)):
        known = plugins(group).get(name, ())
        if not any(each.own and each.object == value for each in known):
            found[group] = (*found.get(group, ()), name)
    return found


def outdated(group: str) -> PluginError:
    """The error for names of a group that only the source of this checkout declares."""
    names = ", ".join(uninstalled().get(group, ()))
    return PluginError(
        f"The installed {OWN} is older than its source in {CHECKOUT}: {group} lacks {names}.",
        hint=f"Install it again: `pip install -e {CHECKOUT}`.",
    )


def usable(group: str) -> Iterator[tuple[Plugin, Any]]:
    """What loads of a group, the library's own first.

    What does not load is logged and left out, and `orchestrator doctor` names it. PluginError if it is the
    library's own: if another distribution declares its name too, or if it has yet to be installed.
    """
    for name in dict.fromkeys((*plugins(group), *uninstalled().get(group, ()))):
        try:
            found = plugin(group, name)
            if found is not None:
                yield found, found.load()
        except PluginError as error:
            declared_by = plugins(group).get(name, ())
            if not declared_by or any(each.own for each in declared_by):
                raise
            log.warning("%s", error)


@cache
def _scanned() -> dict[str, dict[str, tuple[Plugin, ...]]]:
    groups: dict[str, dict[str, tuple[Plugin, ...]]] = {}
    found = [Plugin(*each) for each in installed("orchestrator.")]
    for each in sorted(found, key=lambda each: not each.own):
        group = groups.setdefault(each.group, {})
        group[each.name] = (*group.get(each.name, ()), each)
    return groups
