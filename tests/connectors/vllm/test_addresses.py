"""Addresses are taken as they are written, with the paths and parameters of each provider."""

from __future__ import annotations

import pytest

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.ports import GenerationRequest
from tests.connectors.vllm.test_protocol import PROMPT
from tests.services.scripted import Asked, Reply, completion, scripted

WRITTEN = [
    ("http://h:1", "http://h:1", "http://h:1/v1"),
    ("http://h:1/", "http://h:1", "http://h:1/v1"),
    ("http://h:1/v1/", "http://h:1", "http://h:1/v1"),
    ("http://h:1/v1/chat/completions", "http://h:1", "http://h:1/v1"),
    ("http://h:1/chat/completions", "http://h:1", "http://h:1/v1"),
    ("http://h:1/v1/models", "http://h:1", "http://h:1/v1"),
    ("http://h:1/v2/rerank", "http://h:1", "http://h:1/v2"),
    ("http://h:1/gateway/team/v1", "http://h:1/gateway/team", "http://h:1/gateway/team/v1"),
    ("http://h:1/gateway", "http://h:1/gateway", "http://h:1/gateway"),
    ("http://h:1//v1//", "http://h:1", "http://h:1/v1"),
    (
        "https://g.example/v1beta/openai/",
        "https://g.example/v1beta/openai",
        "https://g.example/v1beta/openai",
    ),
    ("https://o.example/api/v1", "https://o.example/api", "https://o.example/api/v1"),
    (
        "https://a.example/openai/deployments/NAME?api-version=2024-10-21",
        "https://a.example/openai/deployments/NAME",
        "https://a.example/openai/deployments/NAME",
    ),
    (
        "https://a.example/openai/deployments/NAME/chat/completions?api-version=2024-10-21",
        "https://a.example/openai/deployments/NAME",
        "https://a.example/openai/deployments/NAME",
    ),
]


@pytest.mark.parametrize(("written", "root", "api"), WRITTEN)
def test_an_address_is_read(written: str, root: str, api: str) -> None:
    (address,) = addresses(written)
    assert (address.root, address.api) == (root, api)


@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
async def test_azure_is_asked_with_its_version_its_key_and_its_deployment(end: str) -> None:
    def script(asked: Asked) -> Reply:
        path, _, query = asked.path.partition("?")
        if path == "/openai/deployments/small/chat/completions" and query == "api-version=2024-10-21":
            right = asked.headers.get("api-key") == "secret" and asked.body["model"] == "small"
            return Reply(completion("good" if right else "bad"))
        return Reply({"error": {"code": "404", "message": "Resource not found"}}, 404)

    async with scripted(script) as server, scripted(script) as other:
        urls = [
            f"{each.url}/openai/deployments/small{end}?api-version=2024-10-21" for each in (server, other)
        ]
        model = VllmModel(Servers(addresses(urls), key="secret"))
        assert {(await model.generate(GenerationRequest(PROMPT))).text for _ in range(4)} == {"good"}
        await model.close()


async def test_gemini_is_asked_at_its_path() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1beta/openai/chat/completions":
            return Reply(completion("good"))
        if asked.path == "/v1beta/openai/models":
            return Reply({"object": "list", "data": [{"id": "models/small", "owned_by": "google"}]})
        return Reply(status=404)

    async with scripted(script) as server:
        for name in (None, "small"):
            model = VllmModel(Servers(addresses(f"{server.url}/v1beta/openai"), key="k"), name)
            assert (await model.generate(GenerationRequest(PROMPT))).text == "good"
            await model.close()


async def test_a_server_at_another_path_is_told_from_one_that_has_no_such_model() -> None:
    from orchestrator.errors import ModelUnreachable

    async with scripted(lambda _: Reply({"detail": "Not Found"}, 404)) as server:
        model = VllmModel(Servers(addresses(f"{server.url}/elsewhere"), key="k"), "small")
        with pytest.raises(ModelUnreachable) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert "/elsewhere/chat/completions" in raised.value.message
        assert "with a path, as it is" in raised.value.hint
        await model.close()
