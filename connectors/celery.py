"""Celery brings jobs to workers: a message is the number of a job, and the ledger has everything else."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from orchestrator.errors import SettingsError
from orchestrator.jobs.broker import BrokerAway, BrokerWork, JobBroker
from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.jobs.job_scheduler import AGAIN, JobQueue
from orchestrator.ports import Build, Provider
from orchestrator.settings import Settings

#: The name of the one task.
TASK = "orchestrator.job"
#: The module that announces the ledger's jobs, in a process of its own.
SCHEDULER = "connectors.celery_scheduler"
_INSTALL = "pip install 'orchestrator-rag[server]'"


class QueueSettings(BaseModel):
    """The handlers whose jobs go to a queue, with `*` for any part of a name, and how many jobs a minute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[str, ...] = ("*",)
    rate: float | None = Field(default=None, gt=0)


class CelerySettings(BaseModel):
    """The broker, and the queues in the order in which they are offered a job.

    A job that takes longer than `soft_seconds` is given back, to be gone on with, and a process that does not
    end it by `hard_seconds` is killed. A message that is not acknowledged within `visibility_seconds` is
    delivered again, which does nothing as long as the job's lease is held. `again_seconds` after it was
    announced, a job that nobody claimed is announced again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    broker_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    queues: dict[str, QueueSettings] = Field(default_factory=lambda: {"orchestrator": QueueSettings()})
    soft_seconds: float = Field(default=3_600.0, gt=0)
    hard_seconds: float = Field(default=3_660.0, gt=0)
    visibility_seconds: float = Field(default=3_720.0, ge=1)
    again_seconds: float = Field(default=AGAIN, gt=0)
    #: Jobs, and KB of memory, after which a process is replaced by a new one; 0 for never.
    jobs_per_process: int = Field(default=1_000, ge=0)
    memory_per_process: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.soft_seconds >= self.hard_seconds:
            raise ValueError("soft_seconds is not below hard_seconds")
        return self

    @property
    def job_queues(self) -> Mapping[str, JobQueue]:
        """The queues as the scheduler takes them."""
        return {name: JobQueue(each.kinds, each.rate) for name, each in self.queues.items()}


class CeleryBroker:
    """The `JobBroker` of Celery, on Redis, Valkey or RabbitMQ."""

    def __init__(self, settings: Settings, table: CelerySettings) -> None:
        self._settings = settings
        self.table = table

    def work(self, work: BrokerWork) -> int:
        """Do jobs of the queues, and announce those of the ledger, until this process is told to end."""
        from connectors.celery_tasks import serve_queues

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


def celery_app(table: CelerySettings) -> Any:
    """Celery, with what is not to be chosen: messages are acknowledged when done, and hold JSON alone."""
    # Neither says what its types are.
    celery: Any = import_module("celery")
    kombu: Any = import_module("kombu")
    app = celery.Celery("orchestrator", broker=table.broker_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_queues=[kombu.Queue(name, durable=True) for name in table.queues],
        task_default_queue=next(iter(table.queues)),
        task_acks_late=True,
        # The ledger counts attempts: a message of a process that died is not delivered again by the broker.
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_time_limit=table.hard_seconds,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=table.jobs_per_process or None,
        worker_max_memory_per_child=table.memory_per_process or None,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": table.visibility_seconds,
            # By default a message that is due again is looked for every 100 seconds.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
        },
    )
    return app


def _missing(settings: Settings) -> str | None:
    if find_spec("celery") is None:
        return f"It needs celery and redis: {_INSTALL}."
    return None


def _broker(build: Build) -> JobBroker:
    return CeleryBroker(build.settings, build.table)


providers = (
    Provider(
        port=JobBroker,
        name="celery",
        make=_broker,
        settings=CelerySettings,
        missing=_missing,
        description="Celery, on Redis, Valkey or RabbitMQ",
    ),
)
