"""`--background`: a command submits a job for a worker instead of doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from orchestrator.cli.options import Invocation, complete
from orchestrator.cli.output import note, say, say_json

BackgroundOption = Annotated[
    bool,
    typer.Option(
        "--background", help="Submit a job for `orchestrator worker`, print its number, and return at once."
    ),
]


def submit(
    given: Invocation, family: str, kind: str, index: str | None, payload: Mapping[str, Any], as_json: bool
) -> None:
    """Submit a job of a family, for the index of that name or of the settings, and print its number."""
    from orchestrator.application.application import Application
    from orchestrator.ports import Job, JobScope

    settings = given.settings(index=index)

    async def submitted() -> Job:
        async with Application(settings) as application:
            return application.jobs.submit(kind, JobScope(family, settings.index), payload)

    job = complete(submitted())
    if as_json:
        say_json({"job": job.id, "kind": job.name, "index": settings.index})
        return
    say(f"Submitted job {job.id} ({job.name} of {job.scope}).")
    note(f"Next: `orchestrator worker` does it, `orchestrator jobs show {job.id}` shows how far it is.")
