"""What was written for a tree, kept in its registry: a build that was stopped writes nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from orchestrator.ports import TreeGroup, TreeNote, TreeRegistry


@dataclass
class KeptNotes:
    """The memo of a group's build (`orchestrator.tree.build.Memo`).

    `at_once` notes are written together: one, where each of them cost a call of a model. `used` are the keys
    that were asked for.
    """

    trees: TreeRegistry
    group: TreeGroup
    held: dict[str, str]
    at_once: int = 1
    used: set[str] = field(default_factory=set[str])
    _waiting: list[TreeNote] = field(default_factory=list[TreeNote])
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def read(cls, trees: TreeRegistry, group: TreeGroup, *, at_once: int) -> Self:
        """With what was kept before."""
        return cls(trees, group, await trees.notes(group), at_once)

    async def get(self, key: str) -> str | None:
        """What was kept under a key."""
        self.used.add(key)
        return self.held.get(key)

    async def put(self, key: str, text: str, passages: Sequence[str]) -> None:
        """Keep it, and store it with the next ones."""
        self.held[key] = text
        self._waiting.append(TreeNote(key, text, passages))
        if len(self._waiting) >= self.at_once:
            await self.flush()

    async def flush(self) -> None:
        """Store what waits to be stored."""
        async with self._lock:
            waiting, self._waiting = self._waiting, []
            await self.trees.keep(self.group, waiting)

    async def end(self) -> None:
        """Store the rest, and forget what this build did not ask for."""
        await self.flush()
        await self.trees.forget_notes(self.group, self.used)
