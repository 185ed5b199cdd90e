from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from connectors.sql import Database, SqlCache, SqlIndexRegistry, SqlLedger, open_database
from connectors.sql.tables import cache_entries, cache_sources
from orchestrator.ports import Cache
from orchestrator.testing.cache import CacheConformance
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids


class TestSqlCache(CacheConformance):
    @pytest.fixture
    def cache(self, database: Database, clock: ManualClock) -> Cache:
        return SqlCache(database, clock, max_bytes=self.max_bytes)


@pytest.fixture
def index(database: Database) -> Publisher:
    registry = SqlIndexRegistry(database, ManualClock())
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, ManualClock()))


async def test_a_value_falls_with_the_passages_it_stands_on(database: Database, index: Publisher) -> None:
    a, b, c = document("a", "w1", "w2"), document("b", "w1"), document("c", "w1")
    index.publish(a, b, c)
    cache = SqlCache(database)
    await cache.put("on a", b"1", sources=[ids(a)[1]])
    await cache.put("on b", b"2", sources=ids(b))
    await cache.put("on both", b"3", sources=ids(a, b))
    await cache.put("on the document a", b"4", sources=[a.id])
    await cache.put("on c", b"5", sources=ids(c))
    await cache.put("on nothing", b"6")

    async def kept() -> set[str]:
        keys = ("on a", "on b", "on both", "on the document a", "on c", "on nothing")
        return {key for key in keys if await cache.get(key) is not None}

    index.publish(document("a", "w3"))
    assert await kept() == {"on b", "on c", "on nothing"}
    index.publish(removed=(b,))
    assert await kept() == {"on c", "on nothing"}
    index.registry.relabel("default", "/library", ["staff"])
    assert await kept() == {"on nothing"}
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(cache_sources)).scalar_one() == 0


async def test_a_dropped_index_takes_its_values_with_it(database: Database, index: Publisher) -> None:
    a = document("a", "w1")
    index.publish(a)
    cache = SqlCache(database)
    await cache.put("key", b"1", sources=ids(a))
    index.registry.drop("default")
    assert await cache.get("key") is None


async def test_a_value_made_from_passages_that_are_gone_is_not_kept(
    database: Database, index: Publisher
) -> None:
    a = document("a", "w1")
    index.publish(a)
    index.publish(document("a", "w2"))
    cache = SqlCache(database)
    await cache.put("key", b"from the old passage", sources=ids(a))
    assert await cache.get("key") is None


async def test_expired_values_can_be_pruned(database: Database) -> None:
    clock = ManualClock()
    cache = SqlCache(database, clock)
    await cache.put("short", b"1", seconds=1)
    await cache.put("for good", b"2")
    clock.advance(2)
    assert cache.prune() == 1
    assert await cache.get("for good") == b"2"


async def test_two_processes_share_a_cache(database: Database, url: str) -> None:
    other = open_database(url)
    await SqlCache(database).put("key", b"1")
    assert await SqlCache(other).get("key") == b"1"
    other.close()


async def test_the_whole_stays_near_its_bound(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    cache = SqlCache(database, max_bytes=100_000)
    for number in range(200):
        await cache.put(str(number), bytes(1000), sources=[f"source-{number}"])
    with database.reading() as connection:
        size = connection.execute(select(func.sum(cache_entries.c.size))).scalar_one()
    assert 50_000 < size < 110_000
    database.close()
