"""`orchestrator trace`: show the trace of a stored run."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.options import JsonOption, PrincipalOption, command, complete, invocation
from orchestrator.cli.output import say, say_json, table

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.ports import RunRecord
    from orchestrator.types import Principal


@command("orchestrator trace 5f3b… --json")
def trace(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Id of a run, as `ask` prints it.", metavar="RUN_ID")],
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the trace of a run: what each node read, wrote and cost. Only the run's principal may see it."""
    from orchestrator.application.application import Application
    from orchestrator.errors import RunNotFound
    from orchestrator.ports import Runs

    settings = invocation(context).settings()
    reader = settings.reader(principal)

    async def read() -> RunRecord | None:
        async with Application(settings) as application:
            found = await application.container.get(Runs).read(run_id, principal=reader)
            return None if found is None else _as_readable(found, application, reader)

    run = complete(read())
    if run is None:
        raise RunNotFound(
            f"There is no run {run_id!r} of {reader.name}.", hint="Check the id, or name its --principal."
        )
    if as_json:
        say_json(_wire(run))
    else:
        _print(run)


def _as_readable(run: RunRecord, application: Application, reader: Principal) -> RunRecord:
    """The run with what it gave, as far as its type lets the reader see it."""
    from orchestrator.application.exposure import exposed, output_types
    from orchestrator.errors import OrchestratorError
    from orchestrator.graph.run.read_back import readable_output

    try:
        served = [exposed(application.workflow(run.workflow))]
    except OrchestratorError:
        # It may have come from a file, or be gone since.
        served = []
    output = readable_output(run, output_types(served), reader)
    if output is None:
        return run
    told = {"type": output.type, "value": output.value}
    return replace(run, output=told | ({"withheld": output.withheld} if output.withheld else {}))


def _wire(run: RunRecord) -> dict[str, Any]:
    record = asdict(run)
    # Sets are no JSON; who asked is known to whoever may read this.
    record.pop("principal")
    return record


def _print(run: RunRecord) -> None:
    spent = run.usage
    say(
        f"{run.workflow}: {run.status} after {run.seconds * 1000:.0f} ms, {spent.calls} model calls, "
        f"{spent.tokens} tokens"
    )
    if run.error:
        say(f"Error: {run.error}")
    for reason in run.degraded:
        say(f"Degraded: {reason}")
    table(
        ("node", "at ms", "ms", "tokens", "reads", "writes"),
        [
            (
                step.path + (" (cached)" if step.cached else ""),
                f"{step.started * 1000:.0f}",
                f"{step.seconds * 1000:.0f}",
                step.usage.tokens,
                _short(step.reads),
                _short(step.writes) if step.error is None else f"failed: {step.error}",
            )
            for step in run.steps
        ],
    )


def _short(values: Any, limit: int = 60) -> str:
    text = ", ".join(f"{name}={value}" for name, value in dict(values).items())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
