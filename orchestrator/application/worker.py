"""A worker process: `python -m orchestrator.application.worker`, an application of its own; see `jobs`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.indexing.isolated_reading import Reader
from orchestrator.jobs.worker import take_order, work

if TYPE_CHECKING:
    from orchestrator.indexing.context import IndexingContext


def main() -> None:
    """Work until standard input ends."""
    order = take_order()
    # It takes a second to start: it does so while this process imports what it needs.
    reader = Reader() if "read" in order.kinds else None

    context = open_context(order.settings, reader)

    async def working() -> None:
        if reader is not None:
            context.warm_up()
        await work(context.runner(), order)

    asyncio.run(working())


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
    main()
