"""Blocks of names: made once for all who ask, while the event loop goes on."""

from __future__ import annotations

import asyncio
import time

import pytest

from orchestrator.knowledge import vocabulary_blocks
from orchestrator.knowledge.vocabulary_blocks import spelling_blocks
from orchestrator.ports import NamedEntity, Vocabulary


def vocabulary(number: int) -> Vocabulary:
    names = (f"name {n} of otters" for n in range(number))
    return Vocabulary({name: (NamedEntity(name, name),) for name in names})


async def test_the_event_loop_goes_on_while_blocks_are_made_once() -> None:
    names = vocabulary(20_000)
    latest, longest = time.perf_counter(), 0.0
    began = latest

    async def beat() -> None:
        nonlocal latest, longest
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, latest = max(longest, now - latest), now

    beating = asyncio.create_task(beat())
    one, other = await asyncio.gather(spelling_blocks(names), spelling_blocks(names))
    took = time.perf_counter() - began
    beating.cancel()
    assert one is other is await spelling_blocks(names)
    assert one is not None
    assert one.near("name 7 of oters", at_least=0.5)[0][0].startswith("name 7")
    assert longest < took / 2


async def test_too_many_names_and_none_have_no_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary_blocks, "MOST_SPELLED", 3)
    assert await spelling_blocks(Vocabulary()) is None
    assert await spelling_blocks(vocabulary(3)) is not None
    assert await spelling_blocks(vocabulary(4)) is None
