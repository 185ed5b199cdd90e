"""A process that announces the ledger's jobs to Celery: `python -m connectors.celery.scheduler`.

It is given the settings on the first line of standard input, and ends with whoever started it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from typing import cast

from connectors.celery.app import TASK, celery_app
from connectors.celery.broker import CeleryBroker
from orchestrator.application.application import Application
from orchestrator.errors import StoreError
from orchestrator.jobs.broker import BrokerAway, JobBroker
from orchestrator.jobs.job_scheduler import JobScheduler
from orchestrator.ports import Clock, Ledger
from orchestrator.process import when_told_to_end
from orchestrator.settings import ExactSettings

log = logging.getLogger(__name__)

#: Seconds after which the queues are looked at: their workers have had time to start.
_STARTING = 20.0


def main() -> None:
    """Announce until told to end."""
    settings = ExactSettings(**json.loads(sys.stdin.readline()))
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping = threading.Event()
    when_told_to_end(stopping.set)

    def listen() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    with Application(settings) as application:
        container = application.container
        broker = cast("CeleryBroker", container.get(JobBroker, connector="celery"))
        table = broker.table
        app = celery_app(table)

        def send(queue: str, job_id: int) -> None:
            try:
                app.send_task(TASK, args=[job_id], queue=queue, retry=False, ignore_result=True)
            except Exception as error:
                # Each transport has exceptions of its own.
                raise BrokerAway(
                    f"The broker does not take messages ({type(error).__name__}).",
                    hint="Start it; nothing is lost meanwhile.",
                ) from error

        check = threading.Timer(_STARTING, _warn, [broker])
        check.daemon = True
        check.start()
        JobScheduler(
            container.get(Ledger),
            container.get(Clock),
            table.job_queues,
            send,
            again=table.again_seconds,
        ).run(stopping.is_set)


def _warn(broker: CeleryBroker) -> None:
    """Warn of queues from which nobody takes anything: their jobs would wait for ever."""
    try:
        for queue in broker.unattended():
            log.warning("No worker takes jobs from the queue %s: start one with --queue %s.", queue, queue)
    except StoreError as error:
        log.warning("%s", error.message)


if __name__ == "__main__":
    main()
