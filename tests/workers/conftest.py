"""Servers of a test's own, which it may kill."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.services.postgres import Cluster, NoPostgres
from tests.services.redis import NoRedis, RedisServer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for documents."""
    return tmp_path / "docs"


@pytest.fixture
def cluster() -> Generator[Cluster]:
    """A PostgreSQL cluster."""
    try:
        made = Cluster()
    except NoPostgres as error:
        pytest.skip(str(error))
    made.start()
    yield made
    made.crash()
    made.remove()


@pytest.fixture
def redis_server() -> Generator[RedisServer]:
    """A Redis server."""
    pytest.importorskip("celery", reason="Celery is not installed: the extra `server` has it")
    try:
        made = RedisServer()
    except NoRedis as error:
        pytest.skip(str(error))
    made.start()
    yield made
    made.crash()
    made.remove()
