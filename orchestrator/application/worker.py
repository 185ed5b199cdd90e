"""A worker process as an application of its own: `python -m orchestrator.application.worker`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.indexing.isolated_reading import Reader


def open_context(settings: Mapping[str, Any], reader: Reader | None) -> IndexingContext:
    """What the jobs of a worker need, from the settings that it was sent."""
    from orchestrator.application.application import Application
    from orchestrator.application.index_models import embedder, token_embedder
    from orchestrator.application.indexing import indexing_context
    from orchestrator.settings import ExactSettings

    container = Application(ExactSettings(**settings)).container
    # Whoever started this process knows what the index keeps.
    tokens = token_embedder(container, None) if container.settings.late_interaction else None
    return indexing_context(container, reader, embedder=embedder(container, None), tokens=tokens)


if __name__ == "__main__":
    from orchestrator.indexing.worker import main

    main(open_context)
