"""A worker process as an application of its own: `python -m orchestrator.application.worker`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.indexing.isolated_reading import Reader
    from orchestrator.ports import Embedder, TokenEmbedder
    from orchestrator.settings import Settings


def worker_settings(settings: Settings, embedder: str, *, late: bool) -> dict[str, Any]:
    """The settings with which a worker makes the same application, for an index of that embedder.

    They hold keys: they go through the worker's standard input, where no other user can read them.
    """
    return {**settings.plain(), "embedder": embedder, "late_interaction": late}


def open_context(settings: Mapping[str, Any], reader: Reader | None) -> IndexingContext:
    """What the jobs of a worker need, from the settings that it was sent."""
    from orchestrator.application.application import Application
    from orchestrator.application.index_models import embedder, token_embedder
    from orchestrator.settings import ExactSettings

    container = Application(ExactSettings(**settings)).container
    # Whoever started this process knows what the index keeps.
    tokens = token_embedder(container, None) if container.settings.late_interaction else None
    return indexing_context(container, reader, embedder=embedder(container, None), tokens=tokens)


def indexing_context(
    container: Container,
    reader: Reader | None = None,
    *,
    embedder: Embedder | None = None,
    tokens: TokenEmbedder | None = None,
) -> IndexingContext:
    """What the jobs need; `reader` if one has been started already.

    `embedder` is the one of the index, by default that of new ones; `tokens` that of its tokens, if it
    keeps their vectors.
    """
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.ports import Embedder, IndexRegistry, Ledger, ShardWriter, SparseEncoder

    return IndexingContext(
        container.get(Ledger),
        container.get(IndexRegistry),
        container.get(ShardWriter),
        embedder or container.get(Embedder),
        container.get(SparseEncoder),
        tokens,
        started=reader,
    )


if __name__ == "__main__":
    from orchestrator.indexing.worker import main

    main(open_context)
