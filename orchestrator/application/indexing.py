"""Indexing in an application: the ports of its jobs, and the settings of a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.indexing.isolated_reading import Reader
    from orchestrator.ports import Embedder, IndexWriter, RemoteFiles, TokenEmbedder, VectorStore
    from orchestrator.settings import Settings


def worker_settings(settings: Settings, embedder: str, *, late: bool) -> dict[str, Any]:
    """The settings with which a worker makes the same application, for an index of that embedder.

    They hold keys: they go through the worker's standard input, where no other user can read them.
    """
    return {**settings.plain(), "embedder": embedder, "late_interaction": late}


def indexing_context(
    container: Container,
    reader: Reader | None = None,
    *,
    embedder: Embedder | None = None,
    tokens: TokenEmbedder | None = None,
) -> IndexingContext:
    """The context of indexing jobs; `reader` if one has been started already.

    `embedder` is the one of the index, by default that of new ones; `tokens` that of its tokens, if it
    keeps their vectors.
    """
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.ports import Embedder, IndexRegistry, IndexWriter, Ledger, SparseEncoder

    return IndexingContext(
        container.get(Ledger),
        container.get(IndexRegistry),
        container.get(IndexWriter),
        embedder or container.get(Embedder),
        container.get(SparseEncoder),
        tokens,
        started=reader,
        stores=_ContainedStores(container),
        sources=_ContainedSources(container),
    )


@dataclass(frozen=True)
class _ContainedStores:
    """The vector stores that a container can make (`Stores`)."""

    container: Container

    def store(self, connector: str, index: str) -> VectorStore:
        """What searches an index there."""
        from orchestrator.ports import VectorStore

        return self.container.get(VectorStore, index, connector=connector)

    def writer(self, connector: str) -> IndexWriter:
        """What writes indexes there."""
        from orchestrator.ports import IndexWriter

        return self.container.get(IndexWriter, connector=connector)


@dataclass(frozen=True)
class _ContainedSources:
    """The connectors that read URLs of their names (`RemoteSources`)."""

    container: Container

    def files(self, scheme: str) -> RemoteFiles | None:
        """What lists and fetches the files of URLs of this scheme."""
        from orchestrator.ports import RemoteFiles, port_name

        connectors = self.container.connectors
        if scheme not in connectors.names:
            return None
        ports = [port_name(each.port) for each in connectors.providers(scheme)]
        if port_name(RemoteFiles) not in ports:
            return None
        return self.container.get(RemoteFiles, connector=scheme)
