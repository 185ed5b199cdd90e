"""Keys take turns on every route that runs something."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from orchestrator import Answer, Question, node, workflow
from orchestrator.graph.workflow import Workflow
from orchestrator.serving import Limits, create_app
from orchestrator.types import ANONYMOUS, History, Slate
from tests.serving.asgi import Ports, Settings, asking

#: One place, four that wait: a key may have two of these.
LIMITS = Limits(durability="none", concurrent=1, queued=4)
KEYS = {"a-greedy-key": replace(ANONYMOUS, name="greedy"), "a-modest-key": replace(ANONYMOUS, name="modest")}


class Gate:
    """Workflows that note whose turn it is, and go on once they may."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.open = asyncio.Event()

    async def passed(self, question: Question) -> None:
        self.served.append(question.principal.name)
        await self.open.wait()

    def answers(self) -> Workflow:
        @node
        async def waits(question: Question) -> Answer:
            await self.passed(question)
            return Answer("done")

        return workflow("answers", waits)

    def offers(self) -> Workflow:
        @node
        async def waits(question: Question, history: History) -> Slate:
            await self.passed(question)
            return Slate()

        return workflow("offers", waits, inputs=(Question, History))


#: Each route that runs something, with a body for it.
ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", asking("answers")),
    ("/v1/chat/completions", asking("answers", stream=True)),
    ("/v1/chat/completions", asking("offers")),
    ("/v1/recommendations", {"model": "offers", "items": ["a"]}),
]


def app_of(gate: Gate) -> FastAPI:
    return create_app(Ports({}, Settings(KEYS)), [gate.answers(), gate.offers()], limits=LIMITS)


@pytest.mark.parametrize(("path", "body"), ROUTES, ids=["whole", "streamed", "slate in a chat", "slate"])
async def test_another_keys_request_is_served_next(path: str, body: dict[str, Any]) -> None:
    gate = Gate()
    app = app_of(gate)
    admission = app.state.endpoint.admission
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        def ask(key: str) -> asyncio.Task[httpx.Response]:
            headers = {"Authorization": f"Bearer {key}"}
            return asyncio.create_task(client.post(path, json=body, headers=headers))

        async def until(running: int, waiting: int) -> None:
            while (len(gate.served), admission.waiting) != (running, waiting):  # noqa: ASYNC110
                await asyncio.sleep(0)

        greedy = [ask("a-greedy-key")]
        async with asyncio.timeout(30):
            await until(1, 0)
            greedy += [ask("a-greedy-key"), ask("a-greedy-key")]
            await until(1, 2)
            one_more = await ask("a-greedy-key")
            modest = ask("a-modest-key")
            await until(1, 3)
            gate.open.set()
            responses = [await each for each in (modest, *greedy)]
    assert one_more.status_code == 429
    assert one_more.json()["error"]["code"] == "rate_limit_exceeded"
    assert [each.status_code for each in responses] == [200] * 4
    assert gate.served == ["greedy", "modest", "greedy", "greedy"]


def test_every_route_that_runs_something_is_looked_at() -> None:
    document = app_of(Gate()).openapi()["paths"]
    running = {path for path, each in document.items() if "429" in each.get("post", {}).get("responses", {})}
    assert running == {path for path, _ in ROUTES}
