"""`orchestrator jobs`: what is queued, runs, is done or failed; cancel it, or try it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from orchestrator.cli.options import JsonOption, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json, table

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.jobs.job_view import JobView

program = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    invoke_without_command=True,
    help="List, cancel and retry background jobs.",
    epilog="Example: `orchestrator jobs list --state dead`",
)

ResultT = TypeVar("ResultT")

JobArgument = Annotated[int, typer.Argument(help="Number of the job.", metavar="JOB")]


@program.callback()
def default(context: typer.Context) -> None:
    """List background jobs; see the commands below for more."""
    if context.invoked_subcommand is None:
        list_(context)


@program.command(name="list", epilog="Example: `orchestrator jobs list --state running --json`")
def list_(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", help="Only jobs that are pending, running, done, failed or dead. May be repeated."
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", help="The newest so many jobs.", metavar="N", min=1)] = 1000,
    parts: Annotated[bool, typer.Option("--parts", help="Show the parts of jobs as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List background jobs: state, progress, rate, cost so far, time left, and why one failed."""
    from orchestrator.jobs.job_view import job_views

    found = _with(
        context,
        lambda application: job_views(
            _ledger(application), _now(application), states=_states(state), parts=parts, last=last
        ),
    )
    if as_json:
        say_json([view.plain() for view in found])
    elif not found:
        say("There are no jobs.")
        note("Next: `orchestrator index add PATH --background`, and `orchestrator worker`.")
    else:
        table(
            ("job", "kind", "of", "state", "try", "progress", "rate", "cost", "left", "reason"),
            [_row(view) for view in found],
        )


@program.command(epilog="Example: `orchestrator jobs show 17`")
def show(context: typer.Context, job: JobArgument, as_json: JsonOption = False) -> None:
    """Show one job: what it was given, how far it is, its parts, and what it did."""
    from orchestrator.jobs.job_view import job_view, order_of
    from orchestrator.ports import order_prefix

    def shown(application: Application) -> tuple[JobView, dict[str, Any], Any, list[JobView]]:
        ledger, now = _ledger(application), _now(application)
        found = ledger.job(job)
        parts = ledger.jobs(scope=found.scope, prefix=order_prefix(job), brief=True)
        views = [job_view(ledger, part, now) for part in parts if order_of(part) == job]
        effects = None if found.effects is None else found.effects.read()
        return job_view(ledger, found, now), found.payload.read(), effects, views

    view, payload, effects, parts = _with(context, shown)
    if as_json:
        told = {"payload": payload, "effects": effects, "parts": [part.plain() for part in parts]}
        say_json({**view.plain(), **told})
        return
    for name, value in view.plain().items():
        say(f"{name}: {_line(value)}")
    say(f"payload: {_line(payload)}")
    say(f"effects: {_line(effects)}")
    if parts:
        counts = {state: sum(part.state == state for part in parts) for state in {p.state for p in parts}}
        say(f"parts: {', '.join(f'{number} {state}' for state, number in sorted(counts.items()))}")


@program.command(epilog="Example: `orchestrator jobs cancel 17`")
def cancel(context: typer.Context, job: JobArgument) -> None:
    """Cancel a job that is not done, with its parts. Whoever works on it stops, and publishes nothing."""
    cancelled = _with(context, lambda application: application.jobs.cancel(job))
    say(f"Cancelled job {cancelled.id} ({cancelled.name} of {cancelled.scope}).")


@program.command(epilog="Example: `orchestrator jobs retry 17`")
def retry(context: typer.Context, job: JobArgument) -> None:
    """Try a failed or dead job again, with all its attempts."""
    retried = _with(context, lambda application: application.jobs.retry(job))
    say(f"Job {retried.id} ({retried.name} of {retried.scope}) is tried again by the next worker.")


@program.command(epilog="Example: `orchestrator jobs verify --repair`")
def verify(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be: jobs, and indexes from their files and texts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the ledger, the indexes and their stores with one another. Exit code 2 if a fault is left."""
    from orchestrator.application.application import Application
    from orchestrator.application.verify_jobs import verify_jobs

    settings = invocation(context).settings()

    async def done() -> tuple[list[str], list[str]]:
        async with Application(settings) as application:
            with progress("Verifying") as moved:
                return await verify_jobs(application, repair=repair, progress=moved)

    found, left = complete(done())
    if as_json:
        say_json({"found": found, "left": left, "ok": not left})
    else:
        for fault in found:
            say(fault)
        say(f"Found {len(found):,} faults, {len(left):,} left." if found else "Everything fits.")
        if left and not repair:
            note("Next: `orchestrator jobs verify --repair`.")
        elif left:
            note("Next: `orchestrator tree build`, `orchestrator graph build`, or restore a backup.")
    if left:
        raise typer.Exit(2)


def _with(context: typer.Context, act: Callable[[Application], ResultT]) -> ResultT:
    from orchestrator.application.application import Application

    settings = invocation(context).settings()

    async def done() -> ResultT:
        async with Application(settings) as application:
            return act(application)

    return complete(done())


def _ledger(application: Application) -> Any:
    from orchestrator.ports import Ledger

    return application.container.get(Ledger)


def _now(application: Application) -> float:
    from orchestrator.ports import Clock

    return application.container.get(Clock).now()


def _states(given: list[str] | None) -> Any:
    from typing import get_args

    from orchestrator.errors import BadInput
    from orchestrator.ports import JobState

    known = get_args(JobState)
    for state in given or ():
        if state not in known:
            raise BadInput(f"There is no state {state!r} of a job.", hint=f"States: {', '.join(known)}.")
    return tuple(given or ())


def _row(view: JobView) -> tuple[str, ...]:
    done = f"{view.done:,} of {view.total:,}" if view.total else f"{view.done:,}" if view.done else "-"
    tokens = view.cost.tokens
    return (
        str(view.id),
        view.kind,
        view.scope.name,
        view.state,
        str(view.attempt),
        " ".join(filter(None, (done, view.doing))) if view.state != "pending" else "-",
        f"{view.rate:,.1f}/s" if view.rate else "-",
        f"{view.cost.calls:,} calls, {tokens:,} tokens" if view.cost.calls else "-",
        "-" if view.left is None else duration(view.left),
        view.reason or "",
    )


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _line(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
