"""The models of an index: its embedder, its term encoder, and its token embedder if it has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from orchestrator.application.connectors import Connectors
from orchestrator.errors import OrchestratorError, SettingsError
from orchestrator.ports import Embedder, IndexFormat, IndexRegistry, Provider, SparseEncoder, TokenEmbedder
from orchestrator.settings import SHORT_NAMES, Settings

PortT = TypeVar("PortT")

#: With `auto`, the embedder of a new index is the first of these that can be used.
AUTO = ("vllm", "minilm", "wordllama")


class Models(Protocol):
    """The part of a container that this module needs."""

    @property
    def settings(self) -> Settings: ...

    @property
    def connectors(self) -> Connectors: ...

    def get(self, port: type[PortT], index: str | None = None, *, connector: str | None = None) -> PortT: ...

    def named(self, index: str | None) -> str: ...


def embedder_connector(container: Models, port: type, index: str | None) -> str:
    """The connector of an index's embedder, or of its tokens' (`port`); without an index, of a new one."""
    own = new_embedder(container) if index is None else _of_index(container, container.named(index))
    if port is Embedder or gives_tokens(container.get(Embedder, connector=own)):
        return own
    for name in AUTO:
        if _usable(container, name) and _fills(container, TokenEmbedder, name):
            return name
    raise SettingsError(
        "No installed embedder gives vectors of tokens.", hint="Set late_interaction to false."
    )


def new_embedder(container: Models) -> str:
    """The connector that embeds for a new index."""
    chosen = container.settings.embedder
    if chosen != "auto":
        return SHORT_NAMES.get(chosen, chosen)
    if container.settings.embed_url:
        # What was set is used, or refused: another embedder in its place would be a surprise.
        return SHORT_NAMES["server"]
    return next((name for name in AUTO if _usable(container, name)), AUTO[-1])


def token_embedder_for(container: Models, name: str, *, rebuild: bool = False) -> TokenEmbedder | None:
    """The token embedder of an index; None if it keeps no token vectors.

    An index that is there goes on as it was made; a new one does what the settings say.
    """
    version = None if rebuild else container.get(IndexRegistry).current(name)
    if version.format.tokens if version is not None else container.settings.late_interaction:
        return token_embedder(container, None if rebuild else name)
    return None


def embedder(container: Models, index: str | None) -> Embedder:
    """The embedder of an index, or with None of a new one."""
    return container.get(Embedder, connector=embedder_connector(container, Embedder, index))


def token_embedder(container: Models, index: str | None) -> TokenEmbedder:
    """The token embedder of an index, or with None of a new one."""
    return container.get(TokenEmbedder, connector=embedder_connector(container, TokenEmbedder, index))


def index_format_of(container: Models, name: str) -> IndexFormat:
    """The format of an index made with these settings."""
    from orchestrator.indexing.index_format import index_format

    # As nodes are given them: in a replay, names and dimensions stand in the recording.
    tokens = container.get(TokenEmbedder, name) if token_embedder_for(container, name) is not None else None
    return index_format(container.get(Embedder, name), container.get(SparseEncoder), tokens)


def gives_tokens(found: object) -> bool:
    """Whether an embedder gives vectors of tokens, too; a server is not asked for its name."""
    return hasattr(found, "embed_tokens")


def missing_embedder(container: Models, model: str) -> str | None:
    """Why the embedder that an index names cannot be used here; None if it can, or is not known."""
    for provider in _providers(container):
        if provider.model == model:
            return provider.missing(container.settings)
    return None


def _of_index(container: Models, name: str) -> str:
    """With `auto`, an index keeps the embedder that it was made with, if it is there."""
    if container.settings.embedder == "auto":
        version = container.get(IndexRegistry).current(name)
        if version is not None:
            for provider in _providers(container):
                if provider.model == version.format.embedder:
                    return provider.name
    return new_embedder(container)


def _providers(container: Models) -> Iterator[Provider]:
    """The embedders whose model is known by their name."""
    for name in AUTO:
        try:
            yield container.connectors.provider(Embedder, name)
        except OrchestratorError:
            continue


def _usable(container: Models, name: str) -> bool:
    """Whether an embedder can be made here."""
    try:
        return container.connectors.provider(Embedder, name).missing(container.settings) is None
    except OrchestratorError:
        return False


def _fills(container: Models, port: type, name: str) -> bool:
    return any(each.port is port for each in container.connectors.providers(name))
