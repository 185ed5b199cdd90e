"""Connectors by name: their providers, and the tables of settings that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from orchestrator import plugins
from orchestrator.errors import PluginError, SettingsError
from orchestrator.ports import Provider, port_name
from orchestrator.settings import SHORT_NAMES, Settings, described

if TYPE_CHECKING:
    from pydantic import BaseModel

#: Who fills a port unless the settings name another.
DEFAULTS: Mapping[str, str] = {
    "vector_store": "qdrant_edge",
    "index_writer": "qdrant_edge",
    "sparse_encoder": "bm25",
    "language_model": "vllm",
    "clock": "local",
    "model_profiles": "local",
    "recommender": "local",
    "artifact_store": "folder",
    **dict.fromkeys(
        (
            "documents",
            "features",
            "conversations",
            "cache",
            "runs",
            "feedback_store",
            "index_registry",
            "ledger",
            "state_store",
            "recommender_state",
            "tree_store",
            "tree_registry",
        ),
        "sql",
    ),
}
#: Ports that the connector of another port fills, if it can: what is searched is what is written, and shards
#: are read where they are published.
FOLLOWS: Mapping[str, str] = {"index_writer": "vector_store", "shard_registry": "index_registry"}
#: Ports whose connector is chosen by a setting of their own.
ELSEWHERE = {"embedder": "embedder", "token_embedder": "embedder"}


class Connectors:
    """The installed connectors by name. Each is imported when one of its ports or its settings are used.

    SettingsError, with all faults at once, if `ports` or `connectors` of the settings name what does not
    exist, or if a table does not suit its connector.
    """

    def __init__(self, settings: Settings, ports: Sequence[type]) -> None:
        self._settings = settings
        self._known = {port_name(port): port for port in ports}
        self._loaded: dict[str, tuple[Provider, ...]] = {}
        self._tables: dict[str, BaseModel] = {}
        self._check()

    @property
    def names(self) -> list[str]:
        """All that are installed."""
        return sorted(plugins.plugins(plugins.CONNECTORS))

    @property
    def foreign_ports(self) -> tuple[type, ...]:
        """Ports of other libraries, which the settings name in `[ports]`."""
        named = {name: value for name, value in self._settings.ports.items() if name not in self._known}
        found: list[type] = []
        for name, connector in named.items():
            found += [each.port for each in self.providers(connector) if port_name(each.port) == name]
        return tuple(found)

    def chosen(self, port: type) -> str:
        """The name of the connector that the settings choose for a port."""
        name = port_name(port)
        chosen = self._settings.ports.get(name) or self._follower(port, name) or DEFAULTS.get(name)
        if chosen is None:
            raise SettingsError(
                f"Nothing is chosen for the port {name!r}.",
                hint=f'Name a connector that fills it: [ports] {name} = "…".',
            )
        return chosen

    def _follower(self, port: type, name: str) -> str | None:
        """The connector of the port that this one follows, if it fills both."""
        if name not in FOLLOWS:
            return None
        leader = self.chosen(self._known[FOLLOWS[name]])
        return leader if any(each.port is port for each in self.providers(leader)) else None

    def provider(self, port: type, connector: str) -> Provider:
        """The provider of a connector for a port."""
        for each in self.providers(connector):
            if each.port is port:
                return each
        fills = ", ".join(port_name(each.port) for each in self.providers(connector)) or "nothing"
        raise SettingsError(
            f"The connector {connector!r} does not fill the port {port_name(port)!r}; it fills {fills}.",
            hint="Name another: `orchestrator doctor` lists all providers.",
        )

    def providers(self, connector: str) -> tuple[Provider, ...]:
        """The providers of a connector; SettingsError if it is unknown, PluginError if it is broken."""
        if connector not in self._loaded:
            found = plugins.plugin(plugins.CONNECTORS, connector)
            if found is None:
                raise self._unknown(connector)
            given = found.load()
            listed = (given,) if isinstance(given, Provider) else tuple(cast("Sequence[Any]", given))
            if not listed or not all(isinstance(each, Provider) for each in listed):
                raise plugins.broken(found, "it is neither a Provider nor a list of them")
            self._loaded[connector] = listed
        return self._loaded[connector]

    def origin(self, connector: str) -> str:
        """The distribution that a connector comes from, with its version."""
        found = plugins.plugin(plugins.CONNECTORS, connector)
        return found.origin if found else "an unknown distribution"

    def table(self, provider: Provider) -> BaseModel | None:
        """The validated settings of a provider's connector; None if it has none."""
        model = provider.settings
        if model is None:
            return None
        if provider.name not in self._tables:
            table, faults = _validated(provider.name, model, self._settings.connectors.get(provider.name, {}))
            if table is None:
                raise _refused(faults)
            self._tables[provider.name] = table
        return self._tables[provider.name]

    # -- checking ------------------------------------------------------------------------------

    def _check(self) -> None:
        """Look at what the settings name, and at nothing else: a broken plug-in is nobody's fault here."""
        faults: list[str] = []
        embedder = SHORT_NAMES.get(self._settings.embedder, self._settings.embedder)
        if embedder != "auto" and embedder not in self.names:
            faults.append(f"embedder: {self._unknown(embedder).message.rstrip('.')}")
        for name, chosen in self._settings.ports.items():
            if name in ELSEWHERE:
                faults.append(f"ports.{name}: it is chosen by the setting {ELSEWHERE[name]!r}")
            elif chosen not in self.names:
                faults.append(f"ports.{name}: {self._unknown(chosen).message.rstrip('.')}")
            elif name not in self._known:
                faults += self._foreign(name, chosen)
        for name, given in self._settings.connectors.items():
            faults += self._table_faults(name, given)
        if faults:
            raise _refused(faults)

    def _foreign(self, name: str, connector: str) -> list[str]:
        """What is wrong with a port that is not the library's."""
        try:
            if any(port_name(each.port) == name for each in self.providers(connector)):
                return []
        except PluginError:
            return []
        known = ", ".join(sorted(set(self._known) - set(ELSEWHERE)))
        return [f"ports.{name}: there is no such port; there are {known}"]

    def _table_faults(self, name: str, given: Mapping[str, Any]) -> list[str]:
        if name not in self.names:
            return [f"connectors.{name}: {self._unknown(name).message.rstrip('.')}"]
        try:
            models = {each.settings for each in self.providers(name)} - {None}
        except PluginError:
            # `doctor` names it, and whoever needs it is told.
            return []
        if not models:
            return [f"connectors.{name}: this connector has no settings"]
        table, faults = _validated(name, cast("type[BaseModel]", models.pop()), given)
        if table is not None:
            self._tables[name] = table
        return faults

    def _unknown(self, connector: str) -> SettingsError:
        names = ", ".join(self.names)
        if not names:
            return SettingsError(
                "No connector is installed, not even the library's own.",
                hint="Install the package: pip install orchestrator-rag, or in a checkout: pip install -e .",
            )
        return SettingsError(
            f"There is no connector {connector!r}; installed are {names}.",
            hint="Correct the name, or install the distribution that adds it: `pip install …`.",
        )


def _validated(
    name: str, model: type[BaseModel], given: Mapping[str, Any]
) -> tuple[BaseModel | None, list[str]]:
    from pydantic import ValidationError

    unknown = sorted(set(given) - set(model.model_fields))
    faults = [
        f"connectors.{name}.{each}: there is no such setting; there are {', '.join(model.model_fields)}"
        for each in unknown
    ]
    try:
        table = model.model_validate({key: value for key, value in given.items() if key not in unknown})
    except ValidationError as error:
        return None, [*faults, *(f"connectors.{name}.{each}" for each in described(error))]
    return (None, faults) if faults else (table, [])


def _refused(faults: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"{'; '.join(faults)}.",
        hint="See docs/configuration.md for all settings, and `orchestrator doctor` all connectors; "
        "`pip install` the distribution that adds another.",
    )
