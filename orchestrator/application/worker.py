"""A local worker: `python -m orchestrator.application.worker`, started by an `Indexer`; see `jobs.worker`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from orchestrator.indexing.isolated_reading import Reader
from orchestrator.jobs.worker import take_order, work

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.indexing.context import IndexingContext
    from orchestrator.ports import Embedder, TokenEmbedder


def main() -> None:
    """Work until standard input ends."""
    order = take_order()
    # It takes a second to start: it does so while this process imports what it needs.
    reader = Reader() if "read" in order.kinds else None

    from orchestrator.application.application import Application
    from orchestrator.settings import Settings

    app = Application(Settings(**order.settings))
    # Whoever started this process knows what the index keeps.
    tokens = app.token_embedder if app.settings.late_interaction else None
    context = indexing_context(app, reader, tokens=tokens)

    async def working() -> None:
        if reader is not None:
            context.warm_up()
        await work(context.runner(), order)

    asyncio.run(working())


def indexing_context(
    app: Application,
    reader: Reader | None = None,
    *,
    embedder: Embedder | None = None,
    tokens: TokenEmbedder | None = None,
) -> IndexingContext:
    """What the jobs of an index need, from an application; `reader` if one has been started already.

    `embedder` is the one of the index, if it is not that of new ones; `tokens` that of its tokens, if
    it keeps their vectors.
    """
    from orchestrator.indexing.context import IndexingContext

    chosen = embedder or app.embedder
    return IndexingContext(app.ledger, app.registry, app.shards, chosen, app.encoder, tokens, started=reader)


if __name__ == "__main__":
    main()
