"""Celery brings the numbers of jobs: late, twice or never, everything is done once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.ports import Ledger
from tests.services.redis import RedisServer
from tests.workers.deployment import LEASE, Deployment, change, hashes, published, submit_add, wait_for
from tests.workers.killing import Killing, compared

pytestmark = [pytest.mark.slow, pytest.mark.redis]


def deployed(home: Path, broker: RedisServer, *, database_url: str = "", **table: object) -> Deployment:
    """Workers of Celery."""
    settings = {"celery": {"broker_url": broker.url, "again_seconds": 3.0, **table}}
    return Deployment(
        home,
        database_url,
        options=("--celery", f"--lease={LEASE}", "--concurrency=1"),
        environment={"ORCHESTRATOR_CONNECTORS": json.dumps(settings)},
    )


async def test_an_order_is_done_and_a_worker_ends_when_told(
    tmp_path: Path, root: Path, redis_server: RedisServer
) -> None:
    change(root, random.Random(1))
    deployment = deployed(tmp_path / "home", redis_server)
    async with Application(deployment.settings) as app:
        deployment.start()
        order = submit_add(app, root)
        done = await asyncio.to_thread(wait_for, order, app, 120, lambda: None)
        assert (done.state, done.error) == ("done", None), deployment.log()
        assert published(app, order) == len(hashes(app)) > 0
    assert deployment.stop() == [0]


async def test_an_outage_of_the_broker_delays_and_loses_nothing(
    tmp_path: Path, root: Path, redis_server: RedisServer
) -> None:
    change(root, random.Random(1))
    deployment = deployed(tmp_path / "home", redis_server)
    async with Application(deployment.settings) as app:
        deployment.start()
        first = submit_add(app, root)
        await asyncio.to_thread(wait_for, first, app, 120, lambda: None)
        redis_server.crash()
        change(root, random.Random(2))
        second = submit_add(app, root)
        await asyncio.sleep(12)
        redis_server.start()
        done = await asyncio.to_thread(wait_for, second, app, 120, lambda: None)
        assert done.state == "done", deployment.log()
    deployment.stop()
    await compared(deployment, root, tmp_path / "fresh")


async def test_messages_that_come_again_and_again_do_nothing_again(
    tmp_path: Path, root: Path, redis_server: RedisServer
) -> None:
    """The time after which a message is delivered again is far below that of the work."""
    from connectors.celery import TASK, CelerySettings, celery_app

    change(root, random.Random(1), notes=60)
    deployment = deployed(tmp_path / "home", redis_server, visibility_seconds=1)
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
    tmp_path: Path, root: Path, redis_server: RedisServer, postgres_url: str
) -> None:
    def restart() -> None:
        redis_server.crash()
        time.sleep(0.5)
        redis_server.start()

    deployment = deployed(tmp_path / "home", redis_server, database_url=postgres_url)
    killing = Killing(deployment, root, seed=3, servers={"broker": restart})
    try:
        result = await asyncio.to_thread(killing.run, 10)
    finally:
        codes = deployment.stop()
    assert set(codes) <= {0, -signal.SIGTERM}, deployment.log()
    assert result.kills["broker"] > 0
    assert result.executions == result.minimum, result
    await compared(deployment, root, tmp_path / "fresh")
