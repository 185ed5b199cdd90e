"""The endpoint in this process: requests go straight into the app, without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from orchestrator.graph.workflow import Workflow
from orchestrator.serving import Limits, create_app
from orchestrator.settings import Serve
from orchestrator.types import Principal
from tests.serving.flows import stateless


@dataclass(frozen=True)
class Settings:
    api_keys: Mapping[str, Principal] = field(default_factory=dict[str, Principal])
    serve: Serve = field(default_factory=Serve)


@dataclass(frozen=True)
class Ports:
    """An application that provides just these ports."""

    given: Mapping[type, object] = field(default_factory=dict[type, object])
    settings: Settings = Settings()

    def ports(self, index: str | None = None) -> Mapping[type, object]:
        return self.given

    async def close(self) -> None:
        """Nothing to close."""


#: Nothing is kept, so that no store is needed.
FORGETFUL = Limits(durability="none", keep_alive=30.0)


@asynccontextmanager
async def endpoint(
    workflows: Sequence[Workflow] | None = None,
    *,
    ports: Mapping[type, object] | None = None,
    api_keys: Mapping[str, Principal] | None = None,
    limits: Limits = FORGETFUL,
    key: str | None = None,
    serve: Serve | None = None,
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of an endpoint of its own."""
    application = Ports(ports or {}, Settings(api_keys or {}, serve or Serve()))
    app = create_app(application, workflows or stateless(), limits=limits)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def asking(model: str, text: str = "What is it?", **fields: Any) -> dict[str, Any]:
    """The body of a request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def events(body: str) -> list[Any]:
    """The data of server-sent events; comments are left out, `[DONE]` is a string."""
    found: list[Any] = []
    for block in body.split("\n\n"):
        for line in block.splitlines():
            if line.startswith("data: "):
                data = line.removeprefix("data: ")
                found.append(data if data == "[DONE]" else json.loads(data))
    return found
