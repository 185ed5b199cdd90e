"""Shard merging policy: few shards, since a search reads each of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from orchestrator.ports import Shard, ShardedVersion

#: Shards of about one size that are merged into one: a passage is copied log4 of the index's size times.
FACTOR = 4
#: The passages of a shard that is never worth leaving alone.
SMALL = 1_000
#: A shard of which more than this share is dead is written again.
DEAD = 0.5


def merges(version: ShardedVersion) -> list[tuple[str, ...]]:
    """The next shards to merge, each group into one; none when they are few enough.

    Size-tiered: a tier holds shards of up to four times as many live passages as the one below it.
    """
    tiers: dict[int, list[Shard]] = defaultdict(list)
    groups: list[tuple[str, ...]] = []
    for shard in version.shards:
        dead = len(version.removed.get(shard.name, ()))
        alive = shard.points - dead
        if dead > DEAD * shard.points:
            tiers[-1].append(shard)
        else:
            tiers[max(0, math.ceil(math.log(max(alive, 1) / SMALL, FACTOR)))].append(shard)
    # What is mostly dead joins the smallest tier that is merged anyway, or is written again by itself.
    stale = tiers.pop(-1, [])
    for tier in sorted(tiers):
        if len(tiers[tier]) >= FACTOR:
            groups.append(_names([*tiers[tier], *stale]))
            stale = []
    return [*groups, *([_names(stale)] if stale else [])]


def _names(shards: Iterable[Shard]) -> tuple[str, ...]:
    return tuple(shard.name for shard in shards)
