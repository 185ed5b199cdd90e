"""Information on a server: its model's name, context length, and whether it is vLLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.vllm import answers
from connectors.vllm.address import named
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from connectors.vllm.servers import Servers
from orchestrator.errors import ModelError, UnknownModel

#: Seconds after which a server that chooses its model by itself is asked again for whom kept answers are of.
FRESH = 10.0


@dataclass(frozen=True, slots=True)
class Served:
    """`name` as requests name the model; `vllm` if the server is one; `context` in tokens, if known.

    `root` is what the server loaded under that name, if it says so and it is another; `maker` is what it
    says in `owned_by`, such as `llamacpp`.
    """

    name: str
    vllm: bool
    context: int | None = None
    server: str = ""
    root: str = ""
    maker: str = ""

    def __str__(self) -> str:
        reads = f", reads {self.context:,} tokens" if self.context else ""
        made = f" ({self.maker})" if self.maker and not self.vllm else ""
        return f"{self.name} at {self.server}{made}{reads}."


class Serving:
    """Asks `/v1/models` when it is first needed, and remembers the answer.

    With `names_itself=False`, a server may have no such path, as those that only score: its model is then the
    one that `/info` names (text-embeddings-inference), or whichever is there.
    """

    def __init__(
        self,
        servers: Servers,
        model: str | None,
        *,
        names_itself: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names_itself = names_itself
        self._servers = servers
        self._model = model or servers.all[0].address.deployment
        self._found: Served | None = None
        self._since = 0.0
        self._clock = clock
        self._asking = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name; the servers' addresses, as long as it is neither configured nor asked for."""
        return self._model or (self._found.name if self._found else self._servers.names)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the servers are."""
        return tuple(server.address.root for server in self._servers.all)

    async def resolved_name(self) -> str:
        """The model's name, and what the server loaded under it; asked for only if it is not configured.

        By this name, kept answers are found: it is not older than FRESH seconds.
        """
        if self._model:
            return self._model
        if self._found is not None and self._clock() - self._since > FRESH:
            self.forget()
        served = await self.served()
        return f"{served.name} ({served.root})" if served.root else served.name

    async def served(self) -> Served:
        """What is served; UnknownModel if no model is configured and there is not just one."""
        if self._found is None:
            async with self._asking:
                if self._found is None:
                    self._found = await self._ask()
                    self._since = self._clock()
        return self._found

    def forget(self) -> None:
        """Ask again when it is next needed: a server may have been started again with another model."""
        self._found = None

    async def each(self) -> list[Served]:
        """What every server by itself serves; raises the error of the first that does not answer."""
        found: list[Served] = []
        for server in self._servers.all:
            alone = self._servers.one(server)
            try:
                found.append(await self._ask(alone))
            finally:
                await alone.close()
        return found

    async def _ask(self, servers: Servers | None = None) -> Served:
        servers = servers or self._servers

        async def ask(line: Line) -> dict[str, Any]:
            return await line.get("/models")

        try:
            models = answers.rows((await servers.send(self._model or "", ask)).get("data"))
        except ModelError as error:
            # A gateway need not list its models.
            if self._model and not error.retryable and error.code != "model_key_refused":
                return Served(self._model, vllm=False, server=servers.names)
            if self._names_itself or error.retryable or error.code == "model_key_refused":
                raise
            return Served(await self._informed(servers), vllm=False, server=servers.names)
        names = [str(each.get("id")) for each in models]
        vllm = any(each.get("owned_by") == "vllm" for each in models)
        if (self._model is None and len(models) != 1) or (vllm and self._model not in (None, *names)):
            raise UnknownModel(
                f"The model server {servers.names} {_choice(self._model, names)}.",
                hint=f"Name one with {named(servers.setting, 'model')}.",
            )
        mine = next((each for each in models if each.get("id") == self._model), models[0] if models else {})
        # vLLM says how much it reads in a field of its own, llama.cpp among others.
        context = mine.get("max_model_len") or answers.table(mine.get("meta")).get("n_ctx")
        name = self._model or names[0]
        root = answers.text(mine.get("root"))
        return Served(
            name,
            vllm=vllm,
            context=context if isinstance(context, int) else None,
            server=servers.names,
            root="" if root == name else root,
            maker=answers.text(mine.get("owned_by")).lower(),
        )

    async def _informed(self, servers: Servers) -> str:
        """The model that `/info` names, or else the servers: what is kept of one is not another's."""

        async def ask(line: Line) -> str:
            try:
                told = await line.get("/info", at_root=True)
            except Exception as error:
                failure = translated(error, line.server.address.root, "", servers.setting)
                if failure is None or failure.retryable:
                    raise
                return ""
            return answers.text(told.get("model_id"))

        return await servers.send("", ask) or servers.names


def _choice(wanted: str | None, names: Sequence[str]) -> str:
    """Why it is not clear which model is meant."""
    if not names:
        return "serves no model"
    listed = ", ".join(names)
    return f"has no model {wanted!r} but these: {listed}" if wanted else f"serves several models: {listed}"
