"""Checks of providers and plug-ins for `orchestrator doctor`: origin, and missing dependencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from orchestrator import plugins
from orchestrator.errors import OrchestratorError, PluginError

if TYPE_CHECKING:
    from orchestrator.application.application import Application


State = Literal["ok", "note", "fault"]
#: What one of a group is called, where that is not its name without the s.
_KINDS = {plugins.STRATEGIES: "strategy"}


class Inspected(NamedTuple):
    """One of them: a note if it cannot be used, a fault if the settings name it."""

    name: str
    state: State
    detail: str
    hint: str = ""


def inspected(application: Application) -> Iterator[Inspected]:
    """Every connector with what it fills, then everything else that other distributions add."""
    for name, found in sorted(plugins.plugins(plugins.CONNECTORS).items()):
        yield from _connector(application, name, found)
    for group in plugins.GROUPS:
        if group == plugins.CONNECTORS:
            continue
        for name, found in sorted(plugins.plugins(group).items()):
            if not all(each.own for each in found):
                yield _plugin(group, name, found)


def _connector(application: Application, name: str, found: tuple[plugins.Plugin, ...]) -> Iterator[Inspected]:
    from orchestrator.ports import port_name

    settings, connectors = application.settings, application.container.connectors
    chosen = {*settings.ports.values(), settings.embedder}
    try:
        providers = connectors.providers(name)
    except OrchestratorError as error:
        yield Inspected("connector", "fault" if name in chosen else "note", error.message, error.hint)
        return
    for each in providers:
        lacking = _lacking(lambda each=each: each.missing(settings))
        said = f"{port_name(each.port)}: {name}, from {found[0].origin}"
        said += f": {each.description}" if each.description else ""
        if lacking is None:
            yield Inspected("provider", "ok", f"{said}.")
        else:
            yield Inspected("provider", "fault" if name in chosen else "note", f"{said}; {lacking}.")


def _lacking(missing: Callable[[], str | None]) -> str | None:
    """What a provider lacks. Looking must not fail because of one."""
    try:
        lacking = missing()
    except Exception as error:
        return f"the check of its dependencies failed: {type(error).__name__}: {error}".rstrip(".")
    return lacking.rstrip(".") if lacking else None


def _plugin(group: str, name: str, found: tuple[plugins.Plugin, ...]) -> Inspected:
    kind = _KINDS.get(group, group.rpartition(".")[2].removesuffix("s"))
    first, *others = found
    try:
        if others:
            raise plugins.clash(found)
        first.load()
    except PluginError as error:
        return Inspected(kind, "note", error.message, error.hint)
    return Inspected(kind, "ok", f"{name}, from {first.origin}.")
