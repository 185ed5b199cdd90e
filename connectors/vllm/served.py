"""What the servers serve: the model's name, and whether vLLM's extensions are understood."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from connectors.vllm import answers
from connectors.vllm.address import named
from connectors.vllm.servers import Line, Servers
from orchestrator.errors import ModelError, UnknownModel


@dataclass(frozen=True, slots=True)
class Served:
    """`name` as requests name the model; `vllm` if the server is one; `context` in tokens, if known."""

    name: str
    vllm: bool
    context: int | None = None
    server: str = ""

    def __str__(self) -> str:
        reads = f", reads {self.context:,} tokens" if self.context else ""
        return f"{self.name} at {self.server}{'' if self.vllm else ', not known to be vLLM'}{reads}."


class Serving:
    """Asks `/v1/models` once, when it is first needed, and remembers the answer."""

    def __init__(self, servers: Servers, model: str | None) -> None:
        self._servers = servers
        self._model = model
        self._found: Served | None = None
        self._asking = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name; the servers' addresses, as long as it is neither configured nor asked for."""
        return self._model or (self._found.name if self._found else self._servers.names)

    async def resolved_name(self) -> str:
        """The model's name; asked for only if it is not configured."""
        return self._model or (await self.served()).name

    async def served(self) -> Served:
        """What is served; UnknownModel if no model is configured and there is not just one."""
        if self._found is None:
            async with self._asking:
                if self._found is None:
                    self._found = await self._ask()
        return self._found

    def forget(self) -> None:
        """Ask again when it is next needed: a server may have been started anew with another model."""
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
            raise
        names = [str(each.get("id")) for each in models]
        vllm = any(each.get("owned_by") == "vllm" for each in models)
        if (self._model is None and len(models) != 1) or (vllm and self._model not in (None, *names)):
            what = f"has no model {self._model!r}, but" if self._model else "has not one model but"
            raise UnknownModel(
                f"the model server {servers.names} {what} these: {', '.join(names) or 'none'}.",
                hint=f"Name one with {named(servers.setting, 'model')}.",
            )
        mine = next((each for each in models if each.get("id") == self._model), models[0] if models else {})
        context = mine.get("max_model_len")
        return Served(
            self._model or names[0],
            vllm=vllm,
            context=context if isinstance(context, int) else None,
            server=servers.names,
        )
