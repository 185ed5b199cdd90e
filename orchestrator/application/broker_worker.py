"""A worker that is brought jobs by a broker, with the process beside it that announces the ledger's."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchestrator.errors import SettingsError
from orchestrator.jobs.broker import BrokerWork, JobBroker
from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.jobs.worker_signs import WorkerSigns
from orchestrator.process import process_name

if TYPE_CHECKING:
    from orchestrator.settings import Settings

#: The module that announces the ledger's jobs.
ANNOUNCER = "orchestrator.application.job_announcer"


def work_for_broker(
    settings: Settings, connector: str, *, queues: Sequence[str], processes: int, lease: float
) -> int:
    """Do the jobs that a broker brings until this process is told to end; the exit code."""
    from orchestrator.application.application import Application
    from orchestrator.ports import Ledger

    application = Application(settings)
    broker = application.container.get(JobBroker, connector=connector)
    if unknown := sorted(set(queues) - set(broker.queues)):
        raise SettingsError(
            f"There is no queue {unknown[0]!r}.",
            hint=f"Queues of [connectors.{connector}]: {', '.join(broker.queues)}.",
        )
    process = JobProcess(settings, lease)
    told = {"settings": settings.plain(), "connector": connector, "worker": process_name()}
    announcer = _Announcer(told)
    try:
        return broker.work(BrokerWork(tuple(queues), processes, process.do, process.stop))
    finally:
        announcer.stop()
        WorkerSigns(application.container.get(Ledger), process_name()).end()


class JobProcess:
    """What does jobs in this process; a forked child makes its own application and loop."""

    def __init__(self, settings: Settings, lease: float) -> None:
        self._settings = settings
        self._lease = lease
        self._process = -1
        self._runner: asyncio.Runner | None = None
        self._application: Any = None
        self._runners: Any = None
        self._working: Any = None

    def do(self, job_id: int, seconds: float) -> bool:
        """Do a job, if nobody else does; one that takes longer than so many seconds is given back."""
        from orchestrator.jobs.ledger_worker import LedgerWorker
        from orchestrator.ports import Ledger

        self._open()
        assert self._runner is not None
        ledger = self._application.container.get(Ledger)
        working = self._working = LedgerWorker(ledger, self._runners.runner, lease=self._lease, signs=False)
        limit = threading.Timer(seconds, working.stop)
        limit.daemon = True
        limit.start()
        try:
            return self._runner.run(working.run_one(job_id))
        finally:
            limit.cancel()
            self._working = None

    def stop(self) -> None:
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


class _Announcer:
    """The process that announces jobs, started again whenever it dies."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self._stopping = threading.Event()
        self._process = self._started()
        threading.Thread(target=self._watch, name="announcer", daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self._process.kill()
        self._process.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(1.0):
            if self._process.poll() is not None:
                # One that dies at once takes nothing from its input: the next second sees another.
                with suppress(OSError):
                    self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - a command of our own
            child_command(ANNOUNCER), stdin=subprocess.PIPE, env=child_environment()
        )
        assert process.stdin is not None
        # Its input ends with this process, and so does it. Keys in it stay out of the list of processes.
        process.stdin.write(f"{json.dumps(self._told)}\n".encode())
        process.stdin.flush()
        return process
