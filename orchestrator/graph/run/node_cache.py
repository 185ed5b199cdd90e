"""The kept result of a node: found by everything that the node's result can depend on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import ModelError
from orchestrator.graph.plan.fingerprint import node_fingerprint, values_around
from orchestrator.graph.plan.indexes import index_of
from orchestrator.graph.plan.plan import Call
from orchestrator.graph.run.state import RunState
from orchestrator.graph.serialise import pack, unpack
from orchestrator.ports import (
    Cache,
    Embedder,
    LanguageModel,
    NextTokenModel,
    Operation,
    TokenEmbedder,
    resolved_name,
    scores_texts,
)
from orchestrator.values import passages_of

log = logging.getLogger("orchestrator.cache")

#: The ports of models, and what they are asked for. Their `name` may not be known, or block.
_ASKED_FOR: dict[object, Operation] = {
    LanguageModel: "generate",
    Embedder: "embed",
    TokenEmbedder: "embed",
    NextTokenModel: "next_tokens",
}


@dataclass(slots=True)
class CachedResult:
    """A place in the cache, and what was found there.

    The key covers the node with its settings and code, the values that its code finds around it, the values
    it reads, the principal, the version of every port, and the name of every model that the node uses, as
    its server tells it: another reader, another index version or another model finds nothing.
    """

    cache: Cache
    call: Call
    #: What does not change while the node runs.
    asked: str
    key: str
    #: What the node read: its result rests on their passages, whether or not it says so itself.
    reads: tuple[Any, ...] = ()
    hit: bool = False
    value: Any = None

    @classmethod
    async def find(cls, call: Call, reads: dict[str, Any], run: RunState) -> CachedResult | None:
        """Look a call up; None where there is no cache, or nobody can say which model would answer now."""
        cache = run.ports.get(Cache)
        if cache is None or not call.writes:
            return None
        try:
            async with asyncio.timeout(_patience(call, run)):
                models = await _models(call, run)
        except (ModelError, TimeoutError) as error:
            log.warning("%s is run without its cache: %s", call.path, error or "the model server is silent.")
            return None
        asked = _key(call, reads, run, models)
        place = cls(cache, call, asked, _placed(asked, call), tuple(reads.values()))
        data = await cache.get(place.key)
        if data is not None:
            place.hit, place.value = True, place.restored(data)
        return place

    async def keep(self, value: Any, seconds: float) -> None:
        """Keep a fresh result for some seconds, or until a passage that it rests on changes."""
        types = [slot.channel.type for slot in self.call.writes]
        values = (value,) if len(types) == 1 else value
        packed = b"".join(len(part).to_bytes(8) + part for part in map(pack, values, types))
        sources = passages_of(*values, *self.reads)
        # A node that changes what is around it, such as a counter, is found again behind its own change.
        for key in dict.fromkeys((self.key, _placed(self.asked, self.call))):
            await self.cache.put(key, packed, sources=sources, seconds=seconds)

    def restored(self, data: bytes) -> Any:
        """The result from what was kept."""
        values: list[Any] = []
        for slot in self.call.writes:
            size = int.from_bytes(data[:8])
            values.append(unpack(data[8 : 8 + size], slot.channel.type))
            data = data[8 + size :]
        return values[0] if len(values) == 1 else tuple(values)


def _placed(asked: str, call: Call) -> str:
    return hashlib.sha256(f"{asked}{values_around(call.node)}".encode()).hexdigest()


def _key(call: Call, reads: dict[str, Any], run: RunState, models: list[str]) -> str:
    digest = hashlib.sha256(node_fingerprint(call.node).encode())
    principal = run.principal
    digest.update(repr((principal.tenant, sorted(principal.grants), principal.name)).encode())
    for read in call.node.signature.reads:
        value = reads.get(read.parameter)
        part = b"-" if value is None else pack(value, read.channel.type)
        digest.update(f"{read.parameter}:{len(part)}:".encode() + part)
    for port, provided in sorted(run.ports.items(), key=lambda item: str(item[0])):
        version = getattr(provided, "version", None)
        if version is None and port not in _ASKED_FOR:
            version = getattr(provided, "name", None)
        if version is not None:
            digest.update(f"{port}={version};".encode())
    digest.update(repr(models).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


async def _models(call: Call, run: RunState) -> list[str]:
    """The models that the node may ask, by the names that their servers have for them now."""
    found: list[str] = []
    ports = run.ports_of(index_of(call.node))
    for port in sorted({need.port for need in call.node.signature.needs if need.port in _ASKED_FOR}, key=str):
        provided = ports.get(port)
        if port is LanguageModel and provided is not None:
            found += [f"{port}={name}" for name in await _names(provided)]
        elif provided is not None:
            found.append(f"{port}={await resolved_name(provided, _ASKED_FOR[port])}")
    return found


async def _names(model: LanguageModel) -> list[str]:
    """Who writes, and who scores: they may be different models."""
    writes = [await resolved_name(model) if model.available else ""]
    return [*writes, await resolved_name(model, "score")] if scores_texts(model) else writes


def _patience(call: Call, run: RunState) -> float | None:
    """How many seconds a server has to say who it is: no longer than the node itself."""
    limits = [limit for limit in (call.policy.timeout, run.remaining()) if limit is not None]
    return min(limits, default=None)
