"""A process that announces the ledger's jobs to a broker: `python -m orchestrator.application.job_announcer`.

It is given the settings on the first line of standard input, and ends with the worker that started it, for
which it gives signs: a worker of a broker may wait for hours, and only its pool does jobs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from orchestrator.application.application import Application
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.jobs.broker import JobBroker
from orchestrator.jobs.job_scheduler import JobScheduler
from orchestrator.jobs.worker_signs import SIGN, WorkerSigns
from orchestrator.logs import start_logging
from orchestrator.ports import Clock, Ledger
from orchestrator.process import when_told_to_end
from orchestrator.settings import ExactSettings, Settings

log = logging.getLogger(__name__)

#: Seconds after which the queues are looked at: their workers have had time to start.
_STARTING = 20.0


def main() -> None:
    """Announce until told to end."""
    told = json.loads(sys.stdin.readline())
    settings = ExactSettings(**told["settings"])
    start_logging("info", settings.log_format)
    stopping = threading.Event()
    when_told_to_end(stopping.set)

    def listen() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    try:
        _announce(told, settings, stopping)
    except OrchestratorError as error:
        # Whoever started this process starts it again in a moment.
        log.warning("%s %s", error.message, error.hint)
        raise SystemExit(1) from None


def _announce(told: Mapping[str, Any], settings: Settings, stopping: threading.Event) -> None:
    with Application(settings) as application:
        container = application.container
        broker = container.get(JobBroker, connector=told["connector"])
        check = threading.Timer(_STARTING, _warn, [broker])
        check.daemon = True
        check.start()
        ledger, clock = container.get(Ledger), container.get(Clock)
        scheduler = JobScheduler(ledger, clock, broker.queues, broker.send, broker.depths, again=broker.again)
        signs = WorkerSigns(ledger, told["worker"])
        threading.Thread(target=_give, args=[signs, stopping], name="signs", daemon=True).start()
        scheduler.run(stopping.is_set)


def _give(signs: WorkerSigns, stopping: threading.Event) -> None:
    """Give signs until told to end."""
    while not stopping.is_set():
        with suppress(StoreError):
            signs.give()
        stopping.wait(SIGN)


def _warn(broker: JobBroker) -> None:
    """Warn of queues from which nobody takes anything: their jobs would wait for ever."""
    try:
        for queue in broker.unattended():
            log.warning("No worker takes jobs from the queue %s: start one with --queue %s.", queue, queue)
    except StoreError as error:
        log.warning("%s", error.message)


if __name__ == "__main__":
    main()
