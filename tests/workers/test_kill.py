"""Kill workers and servers at any moment: nothing is lost or done twice, and the index is the right one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.services.postgres import Cluster
from tests.workers.deployment import Deployment
from tests.workers.killing import Killed, Killing, compared

pytestmark = pytest.mark.slow


def assert_once(result: Killed) -> None:
    """Assert that every document was published as often as it changed."""
    assert result.executions == result.minimum, result


async def test_killed_workers_on_sqlite(tmp_path: Path, root: Path) -> None:
    deployment = Deployment(tmp_path / "home")
    with deployment:
        result = await asyncio.to_thread(Killing(deployment, root, seed=1).run, 10)
        codes = deployment.stop()
    assert codes == [0, 0]
    assert sum(result.kills.values()) >= 10
    assert_once(result)
    await compared(deployment, root, tmp_path / "fresh")


@pytest.mark.postgres
async def test_killed_workers_and_a_crashed_database(tmp_path: Path, root: Path, cluster: Cluster) -> None:
    def restart() -> None:
        cluster.crash()
        cluster.start()

    deployment = Deployment(tmp_path / "home", cluster.url.format("postgres"))
    with deployment:
        killing = Killing(deployment, root, seed=2, servers={"database": restart})
        result = await asyncio.to_thread(killing.run, 10)
        codes = deployment.stop()
    assert codes == [0, 0]
    assert result.kills["database"] > 0
    assert_once(result)
    await compared(deployment, root, tmp_path / "fresh")
