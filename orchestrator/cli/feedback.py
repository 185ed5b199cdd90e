"""`orchestrator feedback`: rate the answer of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.options import JsonOption, PrincipalOption, command, complete, invocation
from orchestrator.cli.output import say, say_json


@command("orchestrator feedback 5f3b… 1")
def feedback(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Id of a run, as `ask` prints it.", metavar="RUN_ID")],
    score: Annotated[float, typer.Argument(help="Score from 0 (useless) to 1 (perfect).")],
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rate the answer of a run, so that `routes` learns which model to use. Each answer is rated once."""
    from orchestrator.application.application import Application

    settings = invocation(context).settings()

    async def told() -> int:
        async with Application(settings) as application:
            return await application.give_feedback(run_id, score, principal=settings.reader(principal))

    count = complete(told())
    if as_json:
        say_json({"run_id": run_id, "answers": count})
    else:
        say(f"Rated: {count} answer{'' if count == 1 else 's'} of {run_id}.")
