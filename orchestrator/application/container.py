"""The container: makes the object of each port by its provider, shares it, and closes it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orchestrator.application.connectors import Connectors
from orchestrator.errors import IndexMismatch, OrchestratorError, PluginError, SettingsError
from orchestrator.ports import (
    ArtifactStore,
    Build,
    Cache,
    Clock,
    Conversations,
    DocumentNames,
    Documents,
    Embedder,
    Features,
    FeedbackStore,
    IndexRegistry,
    IndexWriter,
    KnowledgeStore,
    LanguageModel,
    Ledger,
    ModelProfiles,
    Provider,
    Recommender,
    RecommenderState,
    Runs,
    ShardRegistry,
    SparseEncoder,
    StateStore,
    TokenEmbedder,
    TreeRegistry,
    TreeStore,
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
    DocumentNames,
    Features,
    KnowledgeStore,
    Embedder,
    TokenEmbedder,
    SparseEncoder,
    LanguageModel,
    ModelProfiles,
    Conversations,
    Cache,
    Runs,
    FeedbackStore,
    Clock,
    IndexRegistry,
    Ledger,
    Recommender,
    TreeStore,
    TreeRegistry,
)
#: All ports of the library.
PORTS: tuple[type, ...] = (
    *NODE_PORTS,
    ArtifactStore,
    IndexWriter,
    RecommenderState,
    ShardRegistry,
    StateStore,
)

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

    def ports(self, index: str | None = None) -> PortMap:
        """The ports for the nodes of a workflow on an index; each object is made when it is first used."""
        return PortMap(self, self.named(index))

    def across(self, port: type, indexes: Sequence[str]) -> object:
        """What fills a port for the first of several indexes, with the passages of the others as well."""
        made = self._joined(port, indexes)
        wrap = self._wraps.get(port)
        if wrap is None:
            return made
        return wrap(lambda: made, self._build(self._chosen(port, indexes[0]), indexes[0]))

    def _joined(self, port: type, indexes: Sequence[str]) -> object:
        from orchestrator.application.several_indexes import (
            DocumentsOfIndexes,
            FeaturesOfIndexes,
            IndexVectors,
            VectorsOfIndexes,
        )

        if port is Documents:
            return DocumentsOfIndexes([self.base(Documents, name) for name in indexes])
        if port is Features:
            return FeaturesOfIndexes([self.base(Features, name) for name in indexes])
        each = [
            IndexVectors(
                self.base(VectorStore, name), self.base(Documents, name), self.index_format(name).embedder
            )
            for name in indexes
        ]
        return VectorsOfIndexes(each, lambda: self.get(Embedder, indexes[0]))

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
            if isinstance(error, ImportError) and (lacking := provider.missing(self.settings)):
                raise SettingsError(
                    f"The connector {provider.name!r} cannot make the {port_name(provider.port)}: {lacking}.",
                    hint="Install what it needs, or choose another in [ports].",
                ) from error
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


#: What the names of the indexes of data sets begin with; see `orchestrator.evaluation.indexed`.
_DATA_SETS = "eval-"
#: The ports that give passages by their ids, whatever index they are of.
JOINED = frozenset({Documents, Features, VectorStore})


class PortMap(Mapping[type, object]):
    """The ports of an index by their types. Each is made when it is first read.

    `others` are indexes whose passages are found by their ids as well (`IndexedPorts.across`).
    """

    def __init__(self, container: Container, index: str, others: tuple[str, ...] = ()) -> None:
        self._container = container
        self._index = index
        self._others = others
        self._ports: frozenset[type] = frozenset(container.node_ports)
        self._order = container.node_ports
        self._joined: dict[type, object] = {}
        self._maps: dict[str, PortMap] = {}

    def indexes(self) -> list[str]:
        """The names of the indexes that there are now; those of data sets, often many, last."""
        names = [version.index for version in self._container.get(IndexRegistry).indexes()]
        return sorted(names, key=lambda name: (name.startswith(_DATA_SETS), name))

    def of(self, index: str) -> PortMap:
        """The ports of another index, which find the same passages by their ids.

        IndexMismatch if there is none of that name any more.
        """
        if index not in self._maps:
            name = self._container.named(index)
            others = tuple(one for one in (self._index, *self._others) if one != name)
            self._maps[index] = PortMap(self._container, name, others if self._others else ())
        if self._container.get(IndexRegistry).current(index) is None:
            raise IndexMismatch(
                f"There is no index {index!r} any more.",
                hint=f"Make it again: `orchestrator index add PATH --index {index}`.",
            )
        return self._maps[index]

    def across(self, indexes: Collection[str]) -> PortMap:
        """The same ports, with the passages of other indexes by their ids."""
        names = dict.fromkeys((*self._others, *map(self._container.named, indexes)))
        others = tuple(name for name in names if name != self._index)
        return self if others == self._others else PortMap(self._container, self._index, others)

    def __getitem__(self, port: type) -> object:
        if port not in self._ports:
            raise KeyError(port)
        if not self._others or port not in JOINED:
            return cast("object", self._container.get(port, self._index))
        if port not in self._joined:
            self._joined[port] = self._container.across(port, (self._index, *self._others))
        return self._joined[port]

    def __contains__(self, port: object) -> bool:
        # The default asks for the value, which would make it.
        return isinstance(port, type) and port in self._ports

    def __iter__(self) -> Iterator[type]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._ports)
