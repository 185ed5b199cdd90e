"""The kept result of a node: found by everything that the node's result can depend on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from orchestrator.graph.plan.fingerprint import node_fingerprint
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.state import RunState
from orchestrator.graph.serialise import pack, unpack
from orchestrator.ports import Cache
from orchestrator.values import passages_of


@dataclass(slots=True)
class CachedResult:
    """A place in the cache, and what was found there.

    The key covers the node with its settings and code, the values it reads, the principal, and the
    version or name of every port it uses: another reader, or another index version, finds nothing.
    """

    cache: Cache
    call: Call
    key: str
    #: What the node read: its result rests on their passages, whether or not it says so itself.
    reads: tuple[Any, ...] = ()
    hit: bool = False
    value: Any = None

    @classmethod
    async def find(cls, call: Call, reads: dict[str, Any], run: RunState) -> CachedResult | None:
        """Look a call up; None where there is no cache."""
        cache = run.ports.get(Cache)
        if cache is None or not call.writes:
            return None
        place = cls(cache, call, _key(call, reads, run), tuple(reads.values()))
        data = await cache.get(place.key)
        if data is not None:
            place.hit, place.value = True, place.restored(data)
        return place

    async def keep(self, value: Any, seconds: float) -> None:
        """Keep a fresh result for some seconds, or until a passage that it rests on changes."""
        types = [slot.channel.type for slot in self.call.writes]
        values = (value,) if len(types) == 1 else value
        packed = b"".join(len(part).to_bytes(8) + part for part in map(pack, values, types))
        await self.cache.put(self.key, packed, sources=passages_of(*values, *self.reads), seconds=seconds)

    def restored(self, data: bytes) -> Any:
        """The result from what was kept."""
        values: list[Any] = []
        for slot in self.call.writes:
            size = int.from_bytes(data[:8])
            values.append(unpack(data[8 : 8 + size], slot.channel.type))
            data = data[8 + size :]
        return values[0] if len(values) == 1 else tuple(values)


def _key(call: Call, reads: dict[str, Any], run: RunState) -> str:
    digest = hashlib.sha256(node_fingerprint(call.node).encode())
    principal = run.principal
    digest.update(repr((principal.tenant, sorted(principal.grants), principal.name)).encode())
    for read in call.node.signature.reads:
        value = reads.get(read.parameter)
        part = b"-" if value is None else pack(value, read.channel.type)
        digest.update(f"{read.parameter}:{len(part)}:".encode() + part)
    for port, provided in sorted(run.ports.items(), key=lambda item: str(item[0])):
        version = getattr(provided, "version", None) or getattr(provided, "name", None)
        if version is not None:
            digest.update(f"{port}={version};".encode())
    return digest.hexdigest()
