"""Shards stay few, and a passage is copied only a few times while an index grows."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.indexing.merging import FACTOR, SMALL, merges
from orchestrator.ports import IndexFormat, Shard, ShardedVersion
from tests.quick_selection import examples


def version(shards: list[Shard], dead: dict[str, int] | None = None) -> ShardedVersion:
    removed = {name: frozenset(map(str, range(count))) for name, count in (dead or {}).items()}
    return ShardedVersion("default", 1, IndexFormat("e", 1, "s"), 0, 0, tuple(shards), removed)


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=200))
def test_however_an_index_grows_its_shards_are_few(sizes: list[int]) -> None:
    shards: list[Shard] = []
    copied = 0
    for number, size in enumerate(sizes):
        shards.append(Shard(f"new-{number}", size))
        rounds = 0
        while groups := merges(version(shards)):
            rounds += 1
            assert rounds < 20
            for group in groups:
                points = sum(shard.points for shard in shards if shard.name in group)
                copied += points
                shards = [shard for shard in shards if shard.name not in group]
                shards.append(Shard(f"{number}-{rounds}-{group[0]}", points))
    total = sum(sizes)
    tiers = 2 + math.ceil(math.log(max(total, SMALL) / SMALL, FACTOR))
    assert sum(shard.points for shard in shards) == total
    assert len(shards) <= (FACTOR - 1) * tiers
    # Once a tier, and once more for each time that the lowest one is merged into itself.
    assert copied <= total * tiers + len(sizes) * SMALL * FACTOR


def test_few_shards_are_left_alone() -> None:
    assert merges(version([])) == []
    assert merges(version([Shard("a", 10), Shard("b", 20), Shard("c", 100_000)])) == []


def test_a_shard_that_is_mostly_dead_is_written_again() -> None:
    shards = [Shard("a", 10_000), Shard("b", 10_000)]
    assert merges(version(shards, {"a": 5_000})) == []
    assert merges(version(shards, {"a": 5_001})) == [("a",)]
    assert merges(version(shards, {"a": 10_000})) == [("a",)]
    small = [Shard(name, 10) for name in "cdef"]
    assert merges(version([*shards, *small], {"a": 9_000})) == [("c", "d", "e", "f", "a")]
