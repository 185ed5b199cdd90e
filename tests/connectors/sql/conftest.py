"""Every test here runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.sql import Database, open_database


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "state.db"
    open_database(path).close()
    return path


@pytest.fixture(scope="session")
def migrated_name(postgres_cluster: str) -> str:
    """The name of a PostgreSQL database with empty tables, to be copied."""
    import psycopg

    with psycopg.connect(postgres_cluster.format("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    open_database(postgres_cluster.format("migrated")).close()
    return "migrated"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """The URL of a database with empty tables."""
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    import psycopg

    cluster: str = request.getfixturevalue("postgres_cluster")
    template: str = request.getfixturevalue("migrated_name")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(cluster.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield cluster.format(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(url: str) -> Generator[Database]:
    """A database with empty tables."""
    opened = open_database(url)
    yield opened
    opened.close()
