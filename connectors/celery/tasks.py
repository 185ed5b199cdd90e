"""The processes of a Celery worker: each has an application and a loop of its own, made after the fork."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from connectors.celery.app import TASK, celery_app
from connectors.celery.settings import CelerySettings
from orchestrator.jobs.broker import BrokerWork
from orchestrator.settings import Settings

log = logging.getLogger(__name__)


class JobProcess:
    """What does jobs in this process; a forked child makes its own."""

    def __init__(self, settings: Settings, lease: float, soft_seconds: float) -> None:
        self._settings = settings
        self._lease = lease
        self._soft_seconds = soft_seconds
        self._process = -1
        self._runner: asyncio.Runner | None = None
        self._application: Any = None
        self._runners: Any = None
        self._working: Any = None

    def do(self, job_id: int) -> bool:
        """Do a job, if nobody else does; one that takes too long is given back."""
        from orchestrator.jobs.ledger_worker import LedgerWorker
        from orchestrator.ports import Ledger

        self._open()
        assert self._runner is not None
        ledger = self._application.container.get(Ledger)
        working = self._working = LedgerWorker(ledger, self._runners.runner, lease=self._lease)
        limit = threading.Timer(self._soft_seconds, working.stop)
        limit.daemon = True
        limit.start()
        try:
            return self._runner.run(working.run_one(job_id))
        finally:
            limit.cancel()
            self._working = None

    def stop(self, *_: object) -> None:
        """Give back the job that this process does."""
        if self._working is not None:
            self._working.stop()

    def _open(self) -> None:
        if self._process == os.getpid():
            return
        from orchestrator.application.application import Application
        from orchestrator.application.job_runners import JobRunners

        self._process = os.getpid()
        self._runner = asyncio.Runner()
        self._application = Application(self._settings)
        self._runners = JobRunners(
            self._application.container,
            lease=self._lease,
            stopping=lambda: self._working is not None and self._working.stopping,
        )


def serve_queues(settings: Settings, table: CelerySettings, queues: Sequence[str], work: BrokerWork) -> int:
    """Be a Celery worker of some queues until this process is told to end; the exit code."""
    signals: Any = import_module("celery.signals")
    app = celery_app(table)
    process = JobProcess(settings, work.lease, table.soft_seconds)
    pools: list[Any] = []

    @app.task(name=TASK)
    def job(job_id: int) -> None:
        process.do(job_id)

    def began(**_: Any) -> None:
        # Told by the parent when it is to end: Celery itself would wait for a job to its end.
        signal.signal(signal.SIGUSR2, process.stop)

    def ready(sender: Any, **_: Any) -> None:
        pools.append(sender.pool)

    def ending(**_: Any) -> None:
        for pool in pools:
            for pid in pool.info.get("processes", ()):
                os.kill(pid, signal.SIGUSR2)

    signals.worker_process_init.connect(began, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(ending, weak=False)
    worker = app.Worker(
        pool="prefork",
        concurrency=work.processes,
        queues=list(queues),
        hostname=f"orchestrator-{os.getpid()}@%h",
        without_gossip=True,
        without_mingle=True,
        optimization="fair",
        quiet=True,
        loglevel=settings.log_level.upper(),
    )
    worker.start()
    return worker.exitcode or 0
