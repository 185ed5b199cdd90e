"""A beam search over a served checkpoint, for the ranker that has the same checkpoint in process.

The server that `[connectors.vllm.decode]` names need not keep up with what is trained: it decodes for a
ranker as long as it serves that ranker's checkpoint, under the name that tells its weights. Otherwise, and
while it does not answer, the ranker decodes in process, to the same result.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from connectors.vllm.decoder import VllmDecoder
from orchestrator.errors import ModelError
from orchestrator.ports.recommend import Ranking

if TYPE_CHECKING:
    from connectors.vllm.servers import Servers
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.recommendation.generative.item_ids import ItemIds
    from orchestrator.recommendation.generative.trie import Trie

log = logging.getLogger("orchestrator.models")

ResultT = TypeVar("ResultT")

#: Seconds for which a server that failed, or serves another checkpoint, is not asked again.
RESTED = 60.0
#: Seconds that it may be silent: in process a search takes less than one.
PATIENCE = 10.0
#: Histories searched together: each has a row for every identifier that the beam keeps.
_TOGETHER = 64
#: Seconds that the end of the connections is waited for.
_ENDING = 2.0


@dataclass(eq=False)
class ServedBeam:
    """Searches on `servers` for the checkpoint served as `name`. May be asked from any thread."""

    servers: Servers
    name: str
    ids: ItemIds
    length: int
    clock: Callable[[], float] = time.monotonic
    _until: float = 0.0
    _loop: _Loop = field(default_factory=lambda: _Loop())

    def __post_init__(self) -> None:
        weakref.finalize(self, self._loop.end, self.servers)

    def top(
        self,
        trie: Trie,
        histories: Sequences,
        *,
        k: int,
        width: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking | None:
        """As `Ranker.top`; None if the server cannot be asked, which the log says once a minute."""
        if self.clock() < self._until:
            return None
        try:
            return self._loop.run(self._searched(trie, histories, k, width, allowed, removed))
        except ModelError as error:
            self._until = self.clock() + RESTED
            log.warning("%s: %s is decoded in process.", error.message.rstrip("."), self.name)
            return None

    def inspect(self) -> str:
        """What is served, in a sentence; a ModelError says why the server is of no use."""
        return self._loop.run(self._inspected())

    async def _searched(
        self,
        trie: Trie,
        histories: Sequences,
        k: int,
        width: int,
        allowed: NDArray[np.bool_] | None,
        removed: Sequences | None,
    ) -> Ranking:
        decoder = VllmDecoder(self.servers, self.name, self.ids, self.length)
        trie = trie if allowed is None else trie.keeping(allowed)
        found: list[Ranking] = []
        for start in range(0, len(histories), _TOGETHER):
            rows = np.arange(start, min(start + _TOGETHER, len(histories)))
            out = None if removed is None else removed.take(rows)
            found.append(await decoder.top(trie, histories.take(rows), k=k, width=width, removed=out))
        if not found:
            return Ranking(np.empty((0, k), dtype=np.int32), np.empty((0, k), dtype=np.float32))
        items = np.concatenate([each.items for each in found])
        return Ranking(items, np.concatenate([each.scores for each in found]))

    async def _inspected(self) -> str:
        from connectors.vllm.served import Serving

        served = await Serving(self.servers, self.name).served()
        return f"{served.name} is decoded by {self.servers.names}."


class _Loop:
    """An event loop in a thread of its own, made when it is first needed: clients stay connected in it."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._running: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """What the work gives, in that loop."""
        with self._making:
            if self._running is None or self._process != os.getpid():
                # A thread does not come along into a forked process.
                self._running, self._process = asyncio.new_event_loop(), os.getpid()
                self._thread = threading.Thread(
                    target=_turned, args=(self._running,), name="served-beam", daemon=True
                )
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._running).result()

    def end(self, servers: Servers) -> None:
        """Close the connections and end the thread, when nobody has the search any more or all ends."""
        loop, thread = self._running, self._thread
        if loop is None or thread is None or self._process != os.getpid():
            return

        async def last() -> None:
            await servers.close()
            loop.stop()

        asyncio.run_coroutine_threadsafe(last(), loop)
        if thread is not threading.current_thread():
            thread.join(_ENDING)


def _turned(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped."""
    loop.run_forever()
    loop.close()
