"""Provider: makes the object for a port from the settings, and closes it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from orchestrator.ports.indexes import IndexFormat
    from orchestrator.ports.state import Clock
    from orchestrator.settings import Settings

PortT = TypeVar("PortT")


class Lookup(Protocol):
    """The other ports of an application, each made when it is first asked for."""

    def get(self, port: type[PortT], index: str | None = None, *, connector: str | None = None) -> PortT:
        """The object of a port, per index where the port has one each; `connector` names its connector.

        SettingsError if nobody fills it, or if what is being made needs itself.
        """
        ...

    def index_format(self, index: str) -> IndexFormat:
        """The format of an index that is made with the current models, or of an existing index."""
        ...


@dataclass(frozen=True, slots=True)
class Build:
    """The context of a provider: settings, scope and other ports.

    `table` is the connector's own settings, validated by its `settings` model; without a model, None.
    `index` names the index that it is made for, if the provider's scope is one.
    """

    settings: Settings
    table: Any
    index: str
    lookup: Lookup

    @property
    def home(self) -> Path:
        """The folder of all stored data."""
        return self.settings.home

    @property
    def clock(self) -> Clock:
        """The time."""
        from orchestrator.ports.state import Clock

        return self.lookup.get(Clock)

    def get(self, port: type[PortT], index: str | None = None, *, connector: str | None = None) -> PortT:
        """Another port; see `Lookup`."""
        return self.lookup.get(port, index, connector=connector)


def needs(extra: str, *packages: str) -> Callable[[Settings], str | None]:
    """For `Provider.missing`: says which of some packages are not installed, and the extra that has them."""

    def missing(settings: Settings) -> str | None:
        lacking = [name for name in packages if find_spec(name) is None]
        if not lacking:
            return None
        verb = "is" if len(lacking) == 1 else "are"
        return f"{', '.join(lacking)} {verb} not installed: pip install 'orchestrator-rag[{extra}]'"

    return missing


def nothing_missing(settings: Settings) -> str | None:
    """Nothing is missing."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How a connector fills a port.

    `make` is called once an application, or with the scope `index` once an index. `close` ends what it
    made, which is closed in reverse order; by default the object's own `close` does, if it has one.
    `missing` says in one sentence why it cannot be made here, with the line that installs what it needs, or
    None. `settings` is the model of the table `[connectors.NAME]`; all providers of a connector share it.
    `model` is the name under which indexes know what an embedder's provider makes, if that is always one.
    `description` says what it is, for `orchestrator doctor`.
    """

    port: type
    name: str
    make: Callable[[Build], object]
    scope: Literal["application", "index"] = "application"
    settings: type[BaseModel] | None = None
    close: Callable[[Any], Awaitable[None] | None] | None = None
    missing: Callable[[Settings], str | None] = nothing_missing
    model: str = ""
    description: str = ""


def port_name(port: type) -> str:
    """The name of a port in settings: `VectorStore` is `vector_store`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", port.__name__).lower()
