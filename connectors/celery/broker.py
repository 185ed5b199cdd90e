"""Celery brings jobs to workers: a message is the number of a job, and the ledger has everything else."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.celery.app import celery_app
from connectors.celery.settings import CelerySettings
from connectors.celery.tasks import serve_queues
from orchestrator.errors import SettingsError
from orchestrator.jobs.broker import BrokerAway, BrokerWork
from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.settings import Settings

#: The module that announces the ledger's jobs, in a process of its own.
SCHEDULER = "connectors.celery.scheduler"


class CeleryBroker:
    """The `JobBroker` of Celery, on Redis, Valkey or RabbitMQ."""

    def __init__(self, settings: Settings, table: CelerySettings) -> None:
        self._settings = settings
        self.table = table

    def work(self, work: BrokerWork) -> int:
        """Do jobs of the queues, and announce those of the ledger, until this process is told to end."""
        queues = list(work.queues) or list(self.table.queues)
        if unknown := sorted(set(queues) - set(self.table.queues)):
            raise SettingsError(
                f"There is no queue {unknown[0]!r}.",
                hint=f"Queues of [connectors.celery]: {', '.join(self.table.queues)}.",
            )
        scheduler = _SchedulerProcess(self._settings)
        scheduler.start()
        try:
            return serve_queues(self._settings, self.table, queues, work)
        finally:
            scheduler.stop()

    def depths(self) -> Mapping[str, int]:
        """How many messages wait in each queue."""
        with self._connected() as connection:
            return {
                name: connection.default_channel.queue_declare(
                    name, passive=False, durable=True, auto_delete=False
                ).message_count
                for name in self.table.queues
            }

    def unattended(self) -> Sequence[str]:
        """The queues from which no worker takes anything."""
        app = celery_app(self.table)
        with self._connected():
            active: Mapping[str, Any] = app.control.inspect(timeout=2.0).active_queues() or {}
        attended = {queue["name"] for queues in active.values() for queue in queues}
        return [name for name in self.table.queues if name not in attended]

    def _connected(self) -> Any:
        connection = celery_app(self.table).connection_for_read()
        try:
            connection.ensure_connection(max_retries=1, timeout=3)
        except Exception as error:
            raise BrokerAway(
                f"The broker {connection.as_uri()} cannot be reached ({type(error).__name__}).",
                hint="Start it, or correct `broker_url` in [connectors.celery].",
            ) from error
        return connection


class _SchedulerProcess:
    """The process that announces jobs, started again whenever it dies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._process = self._started()

    def start(self) -> None:
        """Watch over it, in a thread."""
        threading.Thread(target=self._watch, name="scheduler", daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self._process.kill()
        self._process.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(1.0):
            if self._process.poll() is not None:
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - a command of our own
            child_command(SCHEDULER), stdin=subprocess.PIPE, env=child_environment()
        )
        assert process.stdin is not None
        # Its input ends with this process, and so does it. Keys in it stay out of the list of processes.
        process.stdin.write(f"{json.dumps(self._settings.plain())}\n".encode())
        process.stdin.flush()
        return process
