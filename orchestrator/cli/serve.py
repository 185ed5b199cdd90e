"""`orchestrator serve`: workflows as models behind a chat endpoint."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.options import IndexOption, PrincipalOption, command, complete, invocation
from orchestrator.cli.output import note
from orchestrator.logs import start_logging

if TYPE_CHECKING:
    from orchestrator.settings import Settings

#: Seconds between two looks at what the retention settings give up.
HOUR = 3600.0


@command("orchestrator serve chat search --port 8000")
def serve(
    context: typer.Context,
    workflows: Annotated[
        list[str],
        typer.Argument(help="Names or files of workflows; each is served as a model.", metavar="WORKFLOW"),
    ],
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Port; 0 chooses a free one.", show_default="8000")
    ] = None,
    index: IndexOption = None,
    principal: PrincipalOption = None,
) -> None:
    """Serve workflows to any OpenAI-compatible chat client, until interrupted.

    Other results of a workflow, such as hits or a slate, are sent as a list. POST /v1/recommendations
    returns slates as JSON.

    To listen on another address than 127.0.0.1, set API keys in the settings.
    """
    from orchestrator.application.application import Application
    from orchestrator.serving import serve as listen

    settings = invocation(context).settings(index=index)
    start_logging(settings.log_level, settings.log_format)
    anyone = settings.reader(principal)
    application = Application(settings)
    served = [application.workflow(name) for name in workflows]
    application.check_format()

    threading.Thread(target=_keep_pruning, args=(settings,), name="retention", daemon=True).start()

    def announce(address: str) -> None:
        note(f"Serving {', '.join(each.name for each in served)} at {address}/v1")

    listen(
        application,
        served,
        host=host or settings.serve.host,
        port=settings.serve.port if port is None else port,
        index=settings.index,
        anyone=anyone,
        announce=announce,
        log_level=settings.log_level,
    )


def _keep_pruning(settings: Settings) -> None:
    """Delete old data, now and once an hour, on connections of its own."""
    from orchestrator.application.application import Application

    async def prune() -> None:
        async with Application(settings) as application:
            await application.prune()

    while True:
        try:
            complete(prune())
        except Exception as error:
            # Serving does not depend on it, and the next hour may be better.
            logging.getLogger(__name__).warning("Nothing was pruned: %s", error)
        time.sleep(HOUR)
