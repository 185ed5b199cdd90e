"""Celery brings jobs to workers: a message is the number of a job, and the ledger has everything else."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from orchestrator.jobs.broker import BrokerAway, BrokerWork, JobBroker
from orchestrator.jobs.job_scheduler import AGAIN, JobQueue
from orchestrator.ports import Build, Provider, needs

#: The name of the one task.
TASK = "orchestrator.job"


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
    announced, a job that nobody claimed is announced again, if its queue has lost messages.
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


class CeleryBroker:
    """The `JobBroker` of Celery, on Redis, Valkey or RabbitMQ."""

    def __init__(self, table: CelerySettings, log_level: str) -> None:
        self._table = table
        self._log_level = log_level
        self._app: Any = None

    @property
    def queues(self) -> Mapping[str, JobQueue]:
        """The queues by name, in the order in which they are offered a job."""
        return {name: JobQueue(each.kinds, each.rate) for name, each in self._table.queues.items()}

    @property
    def again(self) -> float:
        """Seconds after which the message of a job that nobody claimed may be lost."""
        return self._table.again_seconds

    def send(self, queue: str, job_id: int) -> None:
        """Announce a job in a queue."""
        self._app = self._app or celery_app(self._table)
        try:
            self._app.send_task(TASK, args=[job_id], queue=queue, retry=False, ignore_result=True)
        except Exception as error:
            # Each transport has exceptions of its own.
            raise BrokerAway(
                f"The broker does not take messages ({type(error).__name__}).",
                hint="Start it; nothing is lost meanwhile.",
            ) from error

    def work(self, work: BrokerWork) -> int:
        """Be a Celery worker until this process is told to end."""
        signals: Any = import_module("celery.signals")
        app, seconds = celery_app(self._table), self._table.soft_seconds
        pools: list[Any] = []

        @app.task(name=TASK)
        def job(job_id: int) -> None:
            work.do(job_id, seconds)

        def stop(*_: object) -> None:
            work.stop()

        def began(**_: object) -> None:
            # Told by the parent when it is to end: Celery itself would wait for a job to its end.
            signal.signal(signal.SIGUSR2, stop)

        def ready(sender: Any, **_: object) -> None:
            pools.append(sender.pool)

        def ending(**_: object) -> None:
            for pool in pools:
                for pid in pool.info.get("processes", ()):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGUSR2)

        signals.worker_process_init.connect(began, weak=False)
        signals.worker_ready.connect(ready, weak=False)
        signals.worker_shutting_down.connect(ending, weak=False)
        worker = app.Worker(
            pool="prefork",
            concurrency=work.processes,
            queues=list(work.queues or self._table.queues),
            hostname=f"orchestrator-{os.getpid()}@%h",
            without_gossip=True,
            without_mingle=True,
            optimization="fair",
            quiet=True,
            loglevel=self._log_level.upper(),
        )
        worker.start()
        return worker.exitcode or 0

    def depths(self) -> Mapping[str, int]:
        """How many messages wait in each queue."""
        with self._connected() as connection:
            return {
                name: connection.default_channel.queue_declare(
                    name, passive=False, durable=True, auto_delete=False
                ).message_count
                for name in self._table.queues
            }

    def unattended(self) -> Sequence[str]:
        """The queues from which no worker takes anything."""
        app = celery_app(self._table)
        with self._connected():
            active: Mapping[str, Any] = app.control.inspect(timeout=2.0).active_queues() or {}
        attended = {queue["name"] for queues in active.values() for queue in queues}
        return [name for name in self._table.queues if name not in attended]

    def _connected(self) -> Any:
        connection = celery_app(self._table).connection_for_read()
        try:
            connection.ensure_connection(max_retries=1, timeout=3)
        except Exception as error:
            raise BrokerAway(
                f"The broker {connection.as_uri()} cannot be reached ({type(error).__name__}).",
                hint="Start it, or correct `broker_url` in [connectors.celery].",
            ) from error
        return connection


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


def _broker(build: Build) -> JobBroker:
    return CeleryBroker(build.table, build.settings.log_level)


providers = (
    Provider(
        port=JobBroker,
        name="celery",
        make=_broker,
        settings=CelerySettings,
        missing=needs("server", "celery", "redis"),
        description="Celery, on Redis, Valkey or RabbitMQ",
    ),
)
