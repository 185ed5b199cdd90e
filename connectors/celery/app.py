"""Celery as it is used here: its one task, and what is not to be chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from connectors.celery.settings import CelerySettings

#: The name of the one task.
TASK = "orchestrator.job"


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
