"""A workflow over two indexes behind the endpoint: asked, limited, read back, by who may read what."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from orchestrator import Application, Principal, fuse, workflow
from orchestrator.nodes import HitListAnswer, Mmr, Retrieve, rrf
from orchestrator.ports import IndexRegistry
from orchestrator.serving import create_app
from orchestrator.settings import Settings
from tests.serving.asgi import asking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

FLOW = workflow(
    "both",
    fuse(Retrieve(index="papers") | Retrieve(index="mails"), by=rrf(60)) >> Mmr() >> HitListAnswer(),
)
KEYS = {
    "sk-anyone": Principal(grants=frozenset({"public"}), name="anyone"),
    "sk-board": Principal(grants=frozenset({"public", "board"}), name="board"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def application(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    """Public papers, and mails of the board."""
    folder = tmp_path_factory.mktemp("served")
    async with Application(Settings(home=folder / "home", embedder="light", api_keys=KEYS)) as made:
        for name, label, text in (
            ("papers", "public", "Whales feed on krill in summer."),
            ("mails", "board", "The board sells its krill to whales."),
        ):
            (folder / name).mkdir()
            (folder / name / "a.jsonl").write_text(json.dumps({"_id": name, "title": name, "text": text}))
            await made.indexer(name).add(folder / name, (label,))
        yield made


async def asked(application: Application, key: str, **fields: object) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(application, [FLOW]), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        response = await client.post(
            "/v1/chat/completions", json=asking("both", "what do krill feed?", **fields)
        )
        if response.status_code == 200:
            kept = await client.get(f"/v1/runs/{response.json()['run_id']}")
            assert kept.status_code == 200, kept.text
            cited = [each["title"] for each in kept.json()["citations"]]
            assert cited == [each["title"] for each in response.json()["citations"]]
        return response


async def test_each_reader_gets_what_may_be_read_in_each_index(application: Application) -> None:
    for key, titles in (("sk-anyone", {"papers"}), ("sk-board", {"papers", "mails"})):
        body = (await asked(application, key)).json()
        assert {each["title"] for each in body["citations"]} == titles


async def test_a_limit_on_tokens_changes_no_index(application: Application) -> None:
    body = (await asked(application, "sk-board", max_tokens=50)).json()
    assert {each["title"] for each in body["citations"]} == {"papers", "mails"}


async def test_an_index_that_is_dropped_is_named(tmp_path: Path, application: Application) -> None:
    application.container.get(IndexRegistry).drop("mails")
    response = await asked(application, "sk-board")
    assert response.status_code >= 400
    assert "'mails', which does not exist" in response.text
