"""What every `Cache` must do."""

from __future__ import annotations

import pytest

from orchestrator.ports import Cache
from orchestrator.testing.clock import ManualClock


@pytest.mark.asyncio
class CacheConformance:
    """Subclass it with a fixture `cache`, an empty one of `max_bytes` that goes by `clock`."""

    #: How much the cache under test may hold, in bytes.
    max_bytes = 100_000

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The time that the cache goes by."""
        return ManualClock()

    @pytest.fixture
    def cache(self, clock: ManualClock) -> Cache:
        """The cache under test."""
        raise NotImplementedError

    async def test_a_value_is_kept_as_it_is(self, cache: Cache) -> None:
        assert await cache.get("key") is None
        await cache.put("key", b"\x00\xff value")
        assert await cache.get("key") == b"\x00\xff value"
        assert await cache.get("ke") is None

    async def test_an_empty_value_is_a_value(self, cache: Cache) -> None:
        await cache.put("key", b"")
        assert await cache.get("key") == b""

    async def test_the_last_value_counts(self, cache: Cache) -> None:
        await cache.put("key", b"one", sources=["a", "b"])
        await cache.put("key", b"two", sources=["b", "c", "b"])
        assert await cache.get("key") == b"two"

    async def test_a_value_expires(self, cache: Cache, clock: ManualClock) -> None:
        await cache.put("short", b"1", seconds=10)
        await cache.put("long", b"2", seconds=100)
        await cache.put("for good", b"3")
        clock.advance(9)
        assert await cache.get("short") == b"1"
        clock.advance(1)
        assert await cache.get("short") is None
        assert await cache.get("long") == b"2"
        clock.advance(1000)
        assert await cache.get("long") is None
        assert await cache.get("for good") == b"3"

    async def test_room_is_made_by_dropping_what_was_used_longest_ago(
        self, cache: Cache, clock: ManualClock
    ) -> None:
        value = bytes(self.max_bytes // 20)
        for number in range(60):
            clock.advance(1)
            await cache.put(f"key-{number}", value)
            assert await cache.get("key-0") == value
        kept = [number for number in range(60) if await cache.get(f"key-{number}") is not None]
        assert kept[0] == 0
        assert kept[-1] == 59
        assert kept[1:] == list(range(kept[1], 60))
        assert 5 <= len(kept) <= 24

    async def test_a_value_larger_than_the_cache_drops_nothing(self, cache: Cache) -> None:
        await cache.put("small", b"1")
        await cache.put("large", bytes(self.max_bytes + 1))
        assert await cache.get("large") is None
        assert await cache.get("small") == b"1"
