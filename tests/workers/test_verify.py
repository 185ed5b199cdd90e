"""What is planted into the ledger, the registry and the store is found, and mended."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from orchestrator.application.application import Application
from orchestrator.application.verify_jobs import verify_jobs
from orchestrator.jobs.verify_ledger import ledger_faults
from orchestrator.ports import Ledger, ShardRegistry, index_scope, order_prefix
from orchestrator.settings import Settings
from tests.indexing.contents import database_of, stored
from tests.workers.deployment import change

SCOPE = index_scope("default")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncGenerator[Application]:
    async with Application(Settings(home=tmp_path / "home")) as application:
        yield application


#: What is done to a row of a job that is as it should be, and which of the jobs are chosen for it.
PLANTED: tuple[tuple[str, str], ...] = (
    ("done", "UPDATE jobs SET state = 'lost' WHERE id = :id"),
    ("done", "UPDATE jobs SET effects = NULL WHERE id = :id"),
    ("dead", "UPDATE jobs SET error = NULL WHERE id = :id"),
    ("running", "UPDATE jobs SET worker = NULL WHERE id = :id"),
    ("running", "UPDATE jobs SET lease_until = lease_until + 1e9 WHERE id = :id"),
    ("pending", "UPDATE jobs SET lease_until = 1e12 WHERE id = :id"),
    ("part", "UPDATE jobs SET key = 'order-99999:1:' || id WHERE id = :id"),
)


def a_ledger(ledger: Ledger, chance: random.Random, number: int) -> dict[str, list[int]]:
    """Jobs in all states, and parts of orders."""
    found: dict[str, list[int]] = {"part": []}
    for each in range(number):
        job = ledger.submit("add", SCOPE, f"submitted:{each}", {})
        state = chance.choice(["pending", "running", "done", "dead"])
        found.setdefault(state, []).append(job.id)
        if state == "pending":
            continue
        claimed = ledger.claim("a worker", seconds=1000, job=job.id)
        assert claimed is not None
        if state == "running":
            part = ledger.submit("read", SCOPE, f"{order_prefix(job.id)}1:x", {}, order=claimed)
            found["part"].append(part.id)
        elif state == "done":
            ledger.finish(claimed, {"reports": []})
        else:
            ledger.fail(claimed, "no room on the disk", final=True)
    return found


def planted(
    app: Application, chance: random.Random, *, jobs: int, faults: int
) -> tuple[list[int], list[int], Callable[[], list[int]]]:
    """Plant faults into jobs; which these are, which were found, and what finds those that are left."""
    ledger = app.container.get(Ledger)
    healthy = a_ledger(ledger, chance, jobs)
    assert ledger_faults(ledger, {}, time.time()) == []
    taken: set[int] = set()
    with database_of(app).writing() as connection:
        while len(taken) < faults:
            state, statement = chance.choice(PLANTED)
            free = [each for each in healthy[state] if each not in taken]
            if free:
                taken.add(chosen := chance.choice(free))
                connection.execute(text(statement), {"id": chosen})
    found = [fault.job.id for fault in ledger_faults(ledger, {}, time.time())]

    def left() -> list[int]:
        return [fault.job.id for fault in ledger_faults(ledger, {}, time.time())]

    return sorted(taken), found, left


async def test_what_is_planted_into_the_ledger_is_found_and_mended(app: Application) -> None:
    wanted, found, left = planted(app, random.Random(1), jobs=160, faults=60)
    # A part whose order is lost has no order any more.
    assert set(wanted) <= set(found)
    told, rest = await verify_jobs(app, repair=True)
    assert len(told) == len(found)
    assert (rest, left()) == ([], [])


def of_table(table: str, values: str) -> Callable[[Connection, random.Random], None]:
    """Change a row."""

    def plant(connection: Connection, chance: random.Random) -> None:
        ids = connection.execute(text(f"SELECT rowid FROM {table}")).scalars().all()
        chosen = chance.choice(sorted(ids))
        connection.execute(text(f"UPDATE {table} SET {values} WHERE rowid = {chosen}"))

    return plant


IN_THE_REGISTRY = (
    of_table("passages", "text = text || ' changed'"),
    of_table("documents", "title = 'changed'"),
    of_table("files", "size = size + 1"),
    of_table("documents", "hash = 'changed'"),
    of_table("indexes", "passages = passages + 1"),
    of_table("term_statistics", "passages = passages + 1"),
)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(IN_THE_REGISTRY) + 2))
async def test_what_is_planted_into_an_index_is_found_and_mended(
    app: Application, root: Path, tmp_path: Path, number: int
) -> None:
    change(root, random.Random(1))
    await app.indexer().add(root)
    before = stored(app)
    assert await verify_jobs(app) == ([], [])
    if number < len(IN_THE_REGISTRY):
        with database_of(app).writing() as connection:
            IN_THE_REGISTRY[number](connection, random.Random(2))
    else:
        version = app.container.get(ShardRegistry).current("default")
        assert version is not None
        shard = app.settings.home / "indexes" / "default" / version.shards[0].name
        if number == len(IN_THE_REGISTRY):
            shutil.rmtree(shard)
        else:
            file = max(
                (each for each in shard.rglob("*") if each.is_file()), key=lambda each: each.stat().st_size
            )
            file.write_bytes(file.read_bytes()[:-1])
    found, left = await verify_jobs(app)
    assert found != []
    assert left == found
    assert (await verify_jobs(app, repair=True))[1] == []
    assert await verify_jobs(app) == ([], [])
    assert stored(app) == before


@pytest.mark.slow
async def test_what_cannot_be_read_again_is_mended_from_its_texts(app: Application, root: Path) -> None:
    change(root, random.Random(1))
    await app.indexer().add(root)
    shutil.rmtree(root)
    with database_of(app).writing() as connection:
        of_table("indexes", "passages = passages + 1")(connection, random.Random(2))
    # Missing at first, and empty then.
    for made in (False, True):
        if made:
            await asyncio.to_thread(root.mkdir)
        found, left = await verify_jobs(app, repair=True)
        assert (bool(found), left) == (not made, [])
        await app.indexer().repair()
        assert await verify_jobs(app) == ([], [])
