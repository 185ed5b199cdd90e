"""`orchestrator prune`: delete old data by the retention settings."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.options import JsonOption, command, complete, invocation
from orchestrator.cli.output import say, say_json


@command("orchestrator prune")
def prune(
    context: typer.Context,
    cache: Annotated[
        bool, typer.Option("--cache", help="Delete all cached results and answers, whatever their age.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete old runs, checkpoints, conversations, cached results and stopped trainings (see `retention`)."""
    from orchestrator.application.application import Application

    settings = invocation(context).settings()

    async def done() -> None:
        async with Application(settings) as application:
            await application.prune(cache=cache)

    complete(done())
    kept = settings.retention
    if as_json:
        say_json({"kept_days": kept.model_dump(), "cache_emptied": cache})
        return
    say(
        f"Kept: runs of {kept.runs:g} days, their checkpoints of {kept.checkpoints:g}, "
        f"conversations of {kept.conversations:g}, "
        f"{'no cached results' if cache else f'cached results of {kept.cache:g}'}, "
        f"trainings that were stopped of {kept.trainings:g}."
    )
