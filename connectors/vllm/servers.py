"""Load balancing and failover: the least loaded healthy server of a model gets the request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from connectors.vllm.address import Address, named
from connectors.vllm.circuit import Circuit
from connectors.vllm.failures import translated
from connectors.vllm.line import Line, Server
from orchestrator.errors import (
    ModelError,
    ModelOverloaded,
    ModelTimeout,
    ModelUnreachable,
    NoLogProbabilities,
    OrchestratorError,
    SettingsError,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from openai import AsyncOpenAI

log = logging.getLogger("orchestrator.models")

ResultT = TypeVar("ResultT")

#: Seconds to connect, and for a look at a server's health.
CONNECT, TRIAL = 5.0, 3.0
#: The wait before another attempt is drawn from [0, FIRST_WAIT · 2ⁿ], and at most LONGEST_WAIT (seconds).
FIRST_WAIT, LONGEST_WAIT = 0.25, 10.0


class Servers:
    """Sends requests: chooses a server, waits for a free slot, and retries where useful.

    `key` goes to all of them. `timeout` is how many seconds a server may be silent. A request is made at
    most `attempts` times, and only while nothing of its answer has been shown. Errors are ModelErrors.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        key: str | None = None,
        timeout: float = 120.0,
        attempts: int = 4,
        setting: str = "llm",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if find_spec("openai") is None:
            raise SettingsError(
                f"{named(setting, 'url')} is set, but the package openai is not installed.",
                hint='Run `pip install "orchestrator-rag[llm]"`.',
            )
        self.all = tuple(Server(each, Circuit(clock, seed)) for seed, each in enumerate(addresses))
        self.setting = setting
        self.key = key
        self.timeout = timeout
        self._attempts = attempts
        self._clock = clock
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._trials: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[str, AsyncOpenAI] = {}

    def one(self, server: Server) -> Servers:
        """The same, of one server alone and without further attempts: to look at it."""
        return Servers([server.address], key=self.key, timeout=TRIAL, attempts=1, setting=self.setting)

    @property
    def names(self) -> str:
        """The servers, as messages name them."""
        return ", ".join(server.address.root for server in self.all)

    async def send(
        self,
        model: str,
        request: Callable[[Line], Awaitable[ResultT]],
        *,
        shown: Callable[[], bool] = lambda: False,
    ) -> ResultT:
        """What `request` returns for one of the servers; not made again once `shown()` is true."""
        try:
            return await self._attempted(model, request, shown)
        except NoLogProbabilities:
            # It was said once: a reranker would hear it with every passage.
            raise
        except ModelError as error:
            # Who asks is told less than who runs this.
            log.warning("%s", error)
            raise

    async def _attempted(
        self, model: str, request: Callable[[Line], Awaitable[ResultT]], shown: Callable[[], bool]
    ) -> ResultT:
        try:
            return await self._once(model, request)
        except ModelError as error:
            if self._attempts == 1 or not self._again(error, shown):
                raise
            failed = error
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts - 1),
            wait=lambda state: self._pause(state.outcome and state.outcome.exception(), state.attempt_number),
            retry=retry_if_exception(lambda error: self._again(error, shown)),
            reraise=True,
        )
        await asyncio.sleep(self._pause(failed, 0))
        return await retrying(self._once, model, request)

    async def close(self) -> None:
        """Close the connections. The servers may be used again afterwards."""
        for trial in self._trials:
            trial.cancel()
        clients, self._clients = self._clients, {}
        if self._loop is asyncio.get_running_loop():
            for client in clients.values():
                await client.close()

    def _again(self, error: BaseException, shown: Callable[[], bool]) -> bool:
        """Whether another attempt may help: not if all ask to be left alone for longer than anybody waits."""
        if not isinstance(error, ModelError) or not error.retryable or shown():
            return False
        return _asked(error) <= LONGEST_WAIT or self._another

    def _pause(self, error: BaseException | None, earlier: int) -> float:
        """Seconds before another attempt: chance (full jitter), and what it asks for if it is alone."""
        import random

        drawn = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**earlier))  # noqa: S311
        return drawn if self._another else min(LONGEST_WAIT, _asked(error) + drawn)

    @property
    def _another(self) -> bool:
        """Whether there is a server that is well and has not refused anything lately."""
        now = self._clock()
        return any(server.circuit.closed and server.rested <= now for server in self.all)

    # -- one attempt ---------------------------------------------------------------------------

    async def _once(self, model: str, request: Callable[[Line], Awaitable[ResultT]]) -> ResultT:
        server = await self._place()
        ticket = server.limit.start()
        name = server.address.root
        try:
            result = await request(Line(server, self._client(server), self.setting))
        except OrchestratorError:
            server.circuit.success()
            raise
        except Exception as error:
            failure = translated(error, name, model, self.setting)
            if failure is None:
                # What the caller's own code raised, on a word that was shown to it.
                raise
            if isinstance(failure, ModelOverloaded | ModelTimeout):
                server.limit.refusal(ticket)
            if isinstance(failure, ModelOverloaded):
                # It answers at once, and would be the least loaded one for it.
                server.rested = self._clock() + max(FIRST_WAIT, _asked(failure))
            if isinstance(failure, ModelUnreachable | ModelTimeout) or (
                failure.retryable and not isinstance(failure, ModelOverloaded)
            ):
                server.circuit.failure(failure.message)
            else:
                server.circuit.success()
            raise failure from error
        else:
            server.circuit.success()
            server.limit.success()
            return result
        finally:
            server.limit.end()
            self._wake()

    async def _place(self) -> Server:
        """A server with room for a request, in the order of asking."""
        first = True
        while True:
            # Who comes later does not overtake those who wait.
            if not first or not self._waiting:
                try:
                    server = await self._least_loaded()
                except BaseException:
                    self._wake()
                    raise
                if server is not None:
                    # One end of a request may have made room for several.
                    self._wake()
                    return server
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            # Who was woken for nothing keeps the place at the head.
            self._waiting[turn] = None
            if not first:
                self._waiting.move_to_end(turn, last=False)
            first = False
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()
                else:
                    self._waiting.pop(turn, None)
                raise

    async def _least_loaded(self) -> Server | None:
        """The least loaded server that is well; None if those that are well have no room."""
        for server in self.all:
            if server.circuit.ripe:
                self._trial(server)
        well = [server for server in self.all if server.circuit.closed]
        if self._trials and not well:
            await asyncio.wait(self._trials)
            well = [server for server in self.all if server.circuit.closed]
        if not well:
            reasons = "; ".join(dict.fromkeys(server.circuit.reason.rstrip(".") for server in self.all))
            wait = min(server.circuit.wait for server in self.all)
            raise ModelUnreachable(
                f"{reasons}. It failed several times and is left alone for {wait:.1f} s.",
                hint=f"Start it, or correct {named(self.setting, 'url')}; `orchestrator doctor` checks it.",
            )
        now = self._clock()
        server = min(well, key=lambda server: (server.rested > now, server.limit.load))
        return server if server.limit.free else None

    def _trial(self, server: Server) -> None:
        """Look at a server's health beside everything else: who can go elsewhere does not wait for it."""
        server.circuit.trying = True
        trial = asyncio.create_task(self._tried(server))
        self._trials.add(trial)
        trial.add_done_callback(self._trials.discard)

    async def _tried(self, server: Server) -> None:
        """A look at the health of a server whose circuit is open."""
        try:
            async with asyncio.timeout(TRIAL):
                await self._client(server).get("/models", cast_to=object)
            server.circuit.looks_well()
        except Exception as error:
            failure = translated(error, server.address.root, "", self.setting)
            if failure is not None and not failure.retryable and not isinstance(failure, ModelTimeout):
                # It answers, if it lists no models or wants a key.
                server.circuit.looks_well()
            else:
                server.circuit.failure(failure.message if failure else str(error))
        finally:
            server.circuit.trying = False
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return

    def _client(self, server: Server) -> AsyncOpenAI:
        """The process's client, towards a server: one pool of connections, made in the running loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Connections belong to the loop in which they were opened.
            self._loop, self._clients = loop, {}
            self._waiting.clear()
        client = self._clients.get(server.address.api)
        if client is None:
            client = self._clients[server.address.api] = self._made(server.address)
        return client

    def _made(self, address: Address) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAioHttpClient, Timeout

        headers = {"api-key": self.key} if address.azure and self.key else {}
        if self._clients:
            one = next(iter(self._clients.values()))
            return one.with_options(
                base_url=address.api, set_default_query=dict(address.query), set_default_headers=headers
            )
        return AsyncOpenAI(
            base_url=address.api,
            default_query=dict(address.query),
            default_headers=headers,
            # The client insists on a key, and would else take one from the environment.
            api_key=self.key or "none",
            organization="",
            project="",
            timeout=Timeout(self.timeout, connect=CONNECT),
            max_retries=0,
            http_client=DefaultAioHttpClient(verify=_certificates()),
        )


@cache
def _certificates() -> SSLContext:
    """The authorities that are trusted: their file is read once in a process, which takes 20 ms each time."""
    from httpx2 import create_ssl_context

    return create_ssl_context()


def _asked(error: BaseException | None) -> float:
    """Seconds for which a server asked to be left alone."""
    return float(getattr(error, "retry_after", 0))
