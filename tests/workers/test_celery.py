"""Celery brings the numbers of jobs: late, twice or never, everything is done once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from orchestrator.application.application import Application
from orchestrator.cli.doctor_workers import healthy
from orchestrator.ports import Ledger
from tests.services.rabbitmq import RabbitServer
from tests.services.redis import RedisServer
from tests.workers.deployment import LEASE, Deployment, change, hashes, published, submit_add, wait_for
from tests.workers.killing import Killing, compared

pytestmark = [pytest.mark.slow, pytest.mark.redis]

Broker = RedisServer | RabbitServer


class Deploy(Protocol):
    """Makes a deployment of Celery workers with a broker; `table` is of [connectors.celery]."""

    def __call__(
        self, broker: Broker, *, database_url: str = "", lease: float = LEASE, **table: object
    ) -> Deployment: ...


@pytest.fixture
def deployed(tmp_path: Path) -> Generator[Deploy]:
    """What makes deployments; their workers end with the test."""
    with ExitStack() as made:

        def make(
            broker: Broker, *, database_url: str = "", lease: float = LEASE, **table: object
        ) -> Deployment:
            settings = {"celery": {"broker_url": broker.url, "again_seconds": 3.0, **table}}
            return made.enter_context(
                Deployment(
                    tmp_path / "home",
                    database_url,
                    options=("--celery", f"--lease={lease}", "--concurrency=1"),
                    environment={"ORCHESTRATOR_CONNECTORS": json.dumps(settings)},
                )
            )

        yield make


@pytest.mark.parametrize("broker", ["redis", "valkey"], indirect=True)
async def test_an_order_is_done_and_a_worker_ends_when_told(
    tmp_path: Path, root: Path, broker: Broker, deployed: Deploy
) -> None:
    change(root, random.Random(1))
    deployment = deployed(broker)
    async with Application(deployment.settings) as app:
        worker = deployment.start()
        ledger, waited = app.container.get(Ledger), time.monotonic() + 60
        # Before there is any job, and while it waits for one.
        while not (there := ledger.workers()):
            assert time.monotonic() < waited, deployment.log()
            await asyncio.sleep(0.2)
        assert [each.name.split()[1] for each in there] == [str(worker.pid)]
        assert healthy(app) is None
        order = submit_add(app, root)
        done = await asyncio.to_thread(wait_for, order, app, 120, lambda: None)
        assert len(ledger.workers()) == 1, "its pool gives no signs of its own"
        assert (done.state, done.error) == ("done", None), deployment.log()
        assert published(app, order) == len(hashes(app)) > 0
        assert deployment.stop() == [0]
        assert ledger.workers() == []


@pytest.mark.parametrize(
    "broker", ["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)], indirect=True
)
async def test_an_outage_of_the_broker_delays_and_loses_nothing(
    tmp_path: Path, root: Path, broker: Broker, deployed: Deploy
) -> None:
    change(root, random.Random(1))
    deployment = deployed(broker)
    async with Application(deployment.settings) as app:
        deployment.start()
        first = submit_add(app, root)
        await asyncio.to_thread(wait_for, first, app, 120, lambda: None)
        broker.crash()
        change(root, random.Random(2))
        second = submit_add(app, root)
        await asyncio.sleep(12)
        broker.start()
        done = await asyncio.to_thread(wait_for, second, app, 120, lambda: None)
        assert done.state == "done", deployment.log()
    deployment.stop()
    await compared(deployment, root, tmp_path / "fresh")


async def test_messages_that_come_again_and_again_do_nothing_again(
    tmp_path: Path, root: Path, redis_server: RedisServer, deployed: Deploy
) -> None:
    """The time after which a message is delivered again is far below that of the work."""
    from connectors.celery import TASK, CelerySettings, celery_app

    change(root, random.Random(1), notes=60)
    deployment = deployed(redis_server, visibility_seconds=1, lease=60)
    async with Application(deployment.settings) as app:
        for _ in range(4):
            deployment.start()
        order = submit_add(app, root)
        broker = celery_app(CelerySettings.model_validate({"broker_url": redis_server.url}))

        def again() -> None:
            for job in app.container.get(Ledger).jobs(brief=True):
                broker.send_task(TASK, args=[job.id], queue="orchestrator", ignore_result=True)

        done = await asyncio.to_thread(wait_for, order, app, 180, again)
        assert (done.state, done.attempt) == ("done", 1), deployment.log()
        assert published(app, order) == len(hashes(app))
        fences = [job.fence for job in app.container.get(Ledger).jobs(brief=True)]
        assert fences == [1] * len(fences), "every job was claimed once"
        broker.close()
    deployment.stop()
    await compared(deployment, root, tmp_path / "fresh")


@pytest.mark.postgres
async def test_killed_workers_and_a_crashed_broker(
    tmp_path: Path, root: Path, redis_server: RedisServer, deployed: Deploy, postgres_url: str
) -> None:
    def restart() -> None:
        redis_server.crash()
        time.sleep(0.5)
        redis_server.start()

    deployment = deployed(redis_server, database_url=postgres_url)
    killing = Killing(deployment, root, seed=3, servers={"broker": restart})
    result = await asyncio.to_thread(killing.run, 10)
    codes = deployment.stop()
    assert set(codes) <= {0, -signal.SIGTERM}, deployment.log()
    assert result.kills["broker"] > 0
    assert result.executions == result.minimum, result
    await compared(deployment, root, tmp_path / "fresh")
