"""`orchestrator worker`: do background jobs, on this host or on many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.options import command, complete, invocation
from orchestrator.cli.output import note, say
from orchestrator.errors import BadInput
from orchestrator.logs import start_logging
from orchestrator.process import when_told_to_end

if TYPE_CHECKING:
    from orchestrator.jobs.ledger_worker import LedgerWorker
    from orchestrator.settings import Settings


@command("orchestrator worker --concurrency 2")
def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End when there is nothing left to do.")] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kinds", help="Only jobs of this kind, such as index.add. May be repeated."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", help="Processes that do jobs.", metavar="N", min=1)
    ] = 1,
    celery: Annotated[
        bool, typer.Option("--celery", help="Take jobs from the queues of [connectors.celery].")
    ] = False,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", help="With --celery, only this queue. May be repeated.", metavar="NAME"),
    ] = None,
    health: Annotated[
        bool, typer.Option("--health", help="Only say whether this host has a worker that gives signs.")
    ] = False,
    lease: Annotated[
        float,
        typer.Option(
            "--lease",
            help="Seconds after which another worker goes on with a job whose worker vanished.",
            metavar="SECONDS",
            min=1,
        ),
    ] = 120.0,
) -> None:
    """Do background jobs until interrupted. Run it on as many hosts as you like.

    All workers share the database, and find files and the home folder under the same paths. A worker that is
    told to end (SIGTERM) gives back what it cannot finish in 20 seconds; one that is killed is succeeded by
    another.
    """
    given = invocation(context)
    settings = given.settings()
    if health:
        _say_health(settings)
        return
    start_logging("info" if settings.log_level == "warning" else settings.log_level, settings.log_format)
    broker = settings.ports.get("job_broker") or ("celery" if celery else None)
    _check(broker, once=once, kinds=kinds, queue=queue)
    if broker is not None and not once:
        from orchestrator.application.broker_worker import work_for_broker

        raise typer.Exit(
            work_for_broker(settings, broker, queues=queue or (), processes=concurrency, lease=lease)
        )
    if concurrency > 1:
        from orchestrator.jobs.worker_pool import run_workers

        options = [
            f"--lease={lease}",
            *(["--once"] if once else []),
            *(f"--kinds={name}" for name in kinds or ()),
        ]
        raise typer.Exit(run_workers(concurrency, given.arguments, ["worker", *options]))
    done = complete(_work(settings, once=once, kinds=kinds or [], lease=lease))
    if once:
        say(f"Did {done} {'job' if done == 1 else 'jobs'}.")


def _check(broker: str | None, *, once: bool, kinds: list[str] | None, queue: list[str] | None) -> None:
    """BadInput for options that would do nothing."""
    if queue and broker is None:
        raise BadInput(
            "There are no queues without a broker.",
            hint='Add --celery, or set [ports] job_broker = "celery".',
        )
    if queue and once:
        raise BadInput(
            "With --once a worker takes jobs from the database, and not from queues.",
            hint="Leave out --queue, or --once.",
        )
    if kinds and broker is not None and not once:
        raise BadInput(
            "With a broker, queues decide which kinds of jobs a worker takes.",
            hint="Give --queue, and the kinds of each queue in the settings.",
        )


def _say_health(settings: Settings) -> None:
    """Exit code 1 if this host has no healthy worker."""
    from orchestrator.application.application import Application
    from orchestrator.cli.doctor_workers import healthy

    async def asked() -> str | None:
        async with Application(settings) as application:
            return healthy(application)

    reason = complete(asked())
    say(reason or "Healthy.")
    if reason is not None:
        raise typer.Exit(1)


async def _work(settings: Settings, *, once: bool, kinds: list[str], lease: float) -> int:
    from orchestrator.application.application import Application

    def stoppable(working: LedgerWorker) -> None:
        when_told_to_end(working.stop)
        note("The worker waits for jobs." if not once else "The worker does what there is to do.")

    async with Application(settings) as application:
        return await application.jobs.work(until_idle=once, names=kinds, lease=lease, started=stoppable)
