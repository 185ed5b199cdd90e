"""Servers of a test's own, which it may kill."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.services.postgres import Cluster, NoPostgres
from tests.services.rabbitmq import NoRabbit, RabbitServer
from tests.services.redis import NoRedis, RedisServer, valkey_program

ServerT = TypeVar("ServerT", RedisServer, RabbitServer, RedisServer | RabbitServer)


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
    yield from _broker(RedisServer)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Generator[RedisServer | RabbitServer]:
    """The server of a broker, by its name."""
    servers: dict[str, Callable[[], RedisServer | RabbitServer]] = {
        "redis": RedisServer,
        "valkey": lambda: RedisServer(valkey_program()),
        "rabbitmq": RabbitServer,
    }
    yield from _broker(servers[request.param])


def _broker(server: Callable[[], ServerT]) -> Generator[ServerT]:
    pytest.importorskip("celery", reason="Celery is not installed: the extra `server` has it")
    try:
        made = server()
    except (NoRedis, NoRabbit) as error:
        pytest.skip(str(error))
    try:
        made.start()
        yield made
    finally:
        made.crash()
        made.remove()
