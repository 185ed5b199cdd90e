"""The container: makes the object of each port by its provider, shares it, and closes it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orchestrator.application.connectors import Connectors
from orchestrator.errors import OrchestratorError, PluginError, SettingsError
from orchestrator.ports import (
    Build,
    Cache,
    Clock,
    Conversations,
    Documents,
    Embedder,
    Features,
    FeedbackStore,
    IndexRegistry,
    LanguageModel,
    Ledger,
    Provider,
    Recommender,
    RecommenderState,
    Runs,
    ShardWriter,
    SparseEncoder,
    StateStore,
    TokenEmbedder,
    VectorStore,
    port_name,
)
from orchestrator.settings import Settings, index_name

if TYPE_CHECKING:
    from orchestrator.ports import IndexFormat

PortT = TypeVar("PortT")

#: The ports of the library, which nodes can be given.
NODE_PORTS: tuple[type, ...] = (
    VectorStore,
    Documents,
    Features,
    Embedder,
    TokenEmbedder,
    SparseEncoder,
    LanguageModel,
    Conversations,
    Cache,
    Runs,
    FeedbackStore,
    Clock,
    IndexRegistry,
    Ledger,
    Recommender,
)
#: All ports of the library.
PORTS: tuple[type, ...] = (*NODE_PORTS, RecommenderState, ShardWriter, StateStore)

#: What stands between a provider's object and whoever asks for it: given a function that makes the
#: object, and what there is to build with.
Wrap = Callable[[Callable[[], object], Build], object]


class Container:
    """Dependency injection: the objects of all ports, each made when it is first used, and shared.

    `given` takes the place of what providers would make. `wraps` puts something around it, by port.
    Both are the application's; what they are of, the container does not know.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        given: Mapping[type, object] | None = None,
        wraps: Mapping[type, Wrap] | None = None,
    ) -> None:
        self.settings = settings
        self.connectors = Connectors(settings, PORTS)
        self._given = dict(given or {})
        self._wraps = dict(wraps or {})
        #: In the order in which they were made.
        self._made: dict[tuple[type, str, str], tuple[Provider, object]] = {}
        self._wrapped: dict[tuple[type, str, str], object] = {}
        self._making: list[tuple[type, str, str]] = []
        # Making one thing makes others, and two threads must not make one of them twice.
        self._lock = threading.RLock()

    # -- looking up ----------------------------------------------------------------------------

    def get(self, port: type[PortT], index: str | None = None, *, connector: str | None = None) -> PortT:
        """The object of a port; `index` is by default that of the settings, for ports with one per index.

        `connector` names another one than the settings choose, which then is not wrapped. SettingsError if
        nobody fills the port, PluginError if who does cannot be used.
        """
        if connector is not None:
            return cast("PortT", self._object(self._provider(port, connector), self.named(index)))
        provider = self._chosen(port, index)
        name = self.named(index) if provider is None or provider.scope == "index" else ""
        wrap = self._wraps.get(port)
        if wrap is None:
            return cast("PortT", self._base(port, provider, name))
        key = (port, provider.name if provider else "", name)
        with self._lock:
            if key not in self._wrapped:
                build = self._build(provider, name)
                self._wrapped[key] = wrap(lambda: self._base(port, provider, name), build)
            return cast("PortT", self._wrapped[key])

    def base(self, port: type[PortT], index: str | None = None) -> PortT:
        """The object of a port without wrappers such as cache and recording."""
        return cast("PortT", self._base(port, self._chosen(port, index), self.named(index)))

    def ports(self, index: str | None = None) -> Mapping[type, object]:
        """The ports for the nodes of a workflow on an index; each object is made when it is first used."""
        return PortMap(self, self.named(index))

    @property
    def node_ports(self) -> tuple[type, ...]:
        """The ports of the library for nodes, and those that the settings name besides."""
        return (*NODE_PORTS, *self.connectors.foreign_ports)

    @property
    def made(self) -> tuple[Provider, ...]:
        """The providers whose objects were made, in order."""
        return tuple(provider for provider, _ in self._made.values())

    def named(self, index: str | None) -> str:
        """The name of an index, by default that of the settings; SettingsError if it is none."""
        if index is None:
            return self.settings.index
        try:
            return index_name(index)
        except ValueError as error:
            raise SettingsError(f"{error}.") from None

    def index_format(self, index: str) -> IndexFormat:
        """The format of an index made with these settings."""
        from orchestrator.application.index_models import index_format_of

        return index_format_of(self, index)

    # -- making --------------------------------------------------------------------------------

    def _chosen(self, port: type, index: str | None) -> Provider | None:
        """The provider that the settings choose for a port; None for what was given."""
        if port in self._given:
            return None
        if port in (Embedder, TokenEmbedder):
            from orchestrator.application.index_models import embedder_connector

            return self._provider(port, embedder_connector(self, port, index))
        return self._provider(port, self.connectors.chosen(port))

    def _provider(self, port: type, connector: str) -> Provider:
        return self.connectors.provider(port, connector)

    def _base(self, port: type, provider: Provider | None, index: str) -> object:
        return self._given[port] if provider is None else self._object(provider, index)

    def _object(self, provider: Provider, index: str) -> object:
        key = (provider.port, provider.name, index if provider.scope == "index" else "")
        found = self._made.get(key)
        if found is not None:
            return found[1]
        with self._lock:
            if key in self._made:
                return self._made[key][1]
            if key in self._making:
                circle = [*self._making[self._making.index(key) :], key]
                path = " → ".join(f"{port_name(port)} ({name})" for port, name, _ in circle)
                raise SettingsError(
                    f"These need each other: {path}.", hint="Choose another of them in [ports]."
                )
            self._making.append(key)
            try:
                made = self._built(provider, index)
            finally:
                self._making.pop()
            self._made[key] = (provider, made)
            return made

    def _built(self, provider: Provider, index: str) -> object:
        try:
            return provider.make(self._build(provider, index))
        except OrchestratorError:
            raise
        except Exception as error:
            origin = self.connectors.origin(provider.name)
            raise PluginError(
                f"The connector {provider.name!r} of {origin} cannot make the {port_name(provider.port)}: "
                f"{type(error).__name__}: {error}.",
                hint="Choose another in [ports], or repair it: `orchestrator doctor` names all of them.",
            ) from error

    def _build(self, provider: Provider | None, index: str) -> Build:
        table = self.connectors.table(provider) if provider is not None else None
        return Build(self.settings, table, index, self)

    # -- the end -------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close files, threads and connections, the newest first. What is used again is made again."""
        with self._lock:
            made, self._made, self._wrapped = list(self._made.values()), {}, {}
        failed: Exception | None = None
        ends: dict[int, Callable[[], Any]] = {}
        for provider, each in reversed(made):
            # One object may fill two ports.
            ends.setdefault(id(each), partial(provider.close or _close, each))
        for given in self._given.values():
            ends.setdefault(id(given), partial(_close, given))
        for end in ends.values():
            try:
                ended = end()
                if inspect.isawaitable(ended):
                    await ended
            except Exception as error:
                # One that does not end must not keep the others open.
                failed = failed or error
        if failed is not None:
            raise failed


def _close(part: Any) -> Any:
    """End what has a `close` of its own."""
    close = getattr(part, "close", None)
    return close() if close is not None else None


class PortMap(Mapping[type, object]):
    """The ports of an index by their types. Each is made when it is first read."""

    def __init__(self, container: Container, index: str) -> None:
        self._container = container
        self._index = index
        self._ports: frozenset[type] = frozenset(container.node_ports)
        self._order = container.node_ports

    def __getitem__(self, port: type) -> object:
        if port not in self._ports:
            raise KeyError(port)
        return cast("object", self._container.get(port, self._index))

    def __contains__(self, port: object) -> bool:
        # The default asks for the value, which would make it.
        return isinstance(port, type) and port in self._ports

    def __iter__(self) -> Iterator[type]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._ports)
