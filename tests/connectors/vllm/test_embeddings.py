"""Embeddings and scores from a real vLLM server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import numpy as np
import pytest

from connectors.vllm import Scorer, Servers, VllmEmbedder, VllmModel, addresses
from orchestrator import Application
from orchestrator.errors import ModelError
from orchestrator.models.stack import server_info
from orchestrator.nodes import Rerank
from orchestrator.ports import Embedder, GenerationRequest, LanguageModel
from orchestrator.settings import Settings
from orchestrator.testing.embedder import EmbedderConformance
from tests.nodes.rerank.asking import hits, reranked
from tests.services.vllm import KEY, VllmServer, vllm_server

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def pooling(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[VllmServer]:
    """A server that embeds, by the last hidden state of the tiny model."""
    folder = tmp_path_factory.mktemp("pooling")
    with vllm_server(tiny_model, "--runner", "pooling", "--convert", "embed", folder=folder) as server:
        yield server


class TestVllmEmbedder(EmbedderConformance):
    @pytest.fixture
    async def embedder(self, pooling: VllmServer) -> AsyncGenerator[Embedder]:
        made = VllmEmbedder(Servers(addresses(pooling.url), key=KEY, setting="embed"))
        yield made
        await made.close()

    async def test_what_is_alike_is_near(self, embedder: Embedder) -> None:
        """The tiny model knows no meaning: it knows that the same is the same."""
        cat, again, tax = await embedder.embed(
            ["The cat sleeps.", "The cat sleeps.", "Income tax is due in April."], kind="passage"
        )
        assert float(cat @ again) > float(cat @ tax)


async def test_queries_have_their_prefix_and_the_name_tells_it(pooling: VllmServer) -> None:
    plain = VllmEmbedder(Servers(addresses(pooling.url), key=KEY, setting="embed"), "tiny")
    told = VllmEmbedder(
        Servers(addresses(pooling.url), key=KEY, setting="embed"), "tiny", query_prefix="query: "
    )
    assert plain.name == "tiny" != told.name
    asked = await told.embed(["otters"], kind="query")
    assert np.allclose(asked, await plain.embed(["query: otters"], kind="passage"), atol=1e-2)
    assert np.allclose(
        await told.embed(["otters"], kind="passage"), await plain.embed(["otters"], kind="passage"), atol=1e-2
    )
    await plain.close()
    await told.close()


async def test_a_server_that_generates_is_no_embedder(pooling: VllmServer) -> None:
    model = VllmModel(Servers(addresses(pooling.url), key=KEY))
    from orchestrator.testing.language_model import PROMPT

    with pytest.raises(ModelError, match="llm_url"):
        await model.generate(GenerationRequest(PROMPT))
    await model.close()


async def test_texts_are_scored_and_passages_reranked_by_the_scores(pooling: VllmServer) -> None:
    scorer = Scorer(Servers(addresses(pooling.url), key=KEY, setting="score"))
    scores = await scorer.score("a number", [f"text {number}" for number in range(70)] + ["long " * 20_000])
    assert len(scores.values) == 71
    assert scores.usage.calls == 2
    model = VllmModel(Servers(addresses(pooling.url), key=KEY), "tiny", scorer=scorer)
    result = await reranked(model, hits(20), strategy="cross_encoder", keep=20)
    assert sorted(result.output.ids) == sorted(hits(20).ids)
    assert result.usage.calls == 1
    assert Rerank("cross_encoder").keep == 10
    await model.close()


async def test_a_pooling_server_alone_reranks(pooling: VllmServer, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        embedder="auto",
        score_url=pooling.url,
        score_api_key=KEY,
        embed_url=pooling.url,
        embed_api_key=KEY,
    )
    async with Application(settings) as application:
        result = await reranked(
            application.container.get(LanguageModel), hits(20), strategy="cross_encoder", keep=20
        )
        assert sorted(result.output.ids) == sorted(hits(20).ids)
        assert (result.degraded, result.usage.calls) == ((), 1)
        assert application.container.get(Embedder).name == "tiny"
        assert [name for name, _ in await server_info(application.container.base(LanguageModel))] == [
            "scores"
        ]
