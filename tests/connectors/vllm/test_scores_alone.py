"""A server of scores, or of embeddings, without one that writes: what is there is used, the rest named."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Application, Hits, Question, workflow
from orchestrator.errors import BadInput, ModelError, NoModel
from orchestrator.models.cached import CachedModel
from orchestrator.models.client import ClientModel, ClientSettings
from orchestrator.models.null import NullModel
from orchestrator.models.stack import server_info
from orchestrator.nodes import Rerank
from orchestrator.ports import Documents, Embedder, GenerationRequest, LanguageModel, scores_texts
from orchestrator.settings import Settings
from orchestrator.testing.judge import Judge
from orchestrator.types import Message
from tests.nodes.rerank.asking import QUESTION, Letters, Texts, hits, reranked
from tests.services.scripted import Asked, Reply, completion, scripted, serving

PROMPT = (Message("user", "Is it so?"),)


def cross_encoder(asked: Asked) -> Reply:
    """A server that scores a text by the number in it, and knows nothing else."""
    if asked.path == "/v1/models":
        return Reply({"data": [{"id": "judge", "owned_by": "vllm"}]})
    if asked.path != "/score":
        return Reply({"detail": "Not Found"}, 404)
    rows = [{"index": n, "score": float(text.split()[-1])} for n, text in enumerate(asked.body["text_2"])]
    return Reply({"data": rows, "usage": {"prompt_tokens": 9}})


async def test_a_cross_encoder_alone_reranks(tmp_path: Path) -> None:
    async with scripted(cross_encoder) as server:
        settings = Settings(home=tmp_path, embedder="light", score_url=server.url)
        async with Application(settings) as application:
            result = await reranked(
                application.container.get(LanguageModel), hits(30), strategy="cross_encoder", keep=3
            )
            assert await server_info(application.container.base(LanguageModel)) == [
                ("scores", f"judge at {server.url}.")
            ]
            assert application.container.get(LanguageModel).name == "judge"
        assert result.output.ids == ("29", "28", "27")
        assert (result.degraded, result.usage.calls) == ((), 1)
        assert len(server.of("/score")) == 1


@pytest.mark.parametrize("strategy", ["groupwise", "listwise", "cascade"])
async def test_what_needs_a_text_takes_the_cross_encoder_and_says_so(tmp_path: Path, strategy: str) -> None:
    async with scripted(cross_encoder) as server:
        settings = Settings(home=tmp_path, embedder="light", score_url=server.url)
        async with Application(settings) as application:
            result = await reranked(
                application.container.get(LanguageModel), hits(30), strategy=strategy, keep=3
            )
    assert result.output.ids == ("29", "28", "27")
    assert result.degraded == (
        "No language model is configured: passages are reranked by the cross-encoder.",
    )


async def test_what_is_missing_is_named_by_its_setting(tmp_path: Path) -> None:
    none = await reranked(NullModel(), hits(5), strategy="cross_encoder")
    assert none.degraded == (
        "No server of scores (score_url) is configured: passages are reranked by embeddings.",
    )
    async with scripted(serving(lambda _: Reply(completion()))) as server:
        settings = Settings(home=tmp_path, embedder="light", llm_url=server.url)
        async with Application(settings) as application:
            model = application.container.get(LanguageModel)
            writes = await reranked(model, hits(5), strategy="cross_encoder")
            assert writes.degraded == none.degraded
            with pytest.raises(ModelError, match="scores texts") as refused:
                await model.score("which?", ["this"])
        assert "score_url" in refused.value.hint
    async with scripted(cross_encoder) as server:
        settings = Settings(home=tmp_path, embedder="light", score_url=server.url)
        async with Application(settings) as application:
            with pytest.raises(NoModel) as lacking:
                await application.container.get(LanguageModel).generate(GenerationRequest(PROMPT))
            assert "llm_url" in lacking.value.hint


async def test_scores_are_kept_and_recorded_without_a_model_that_writes(tmp_path: Path) -> None:
    async with scripted(cross_encoder) as server:
        kept = Settings(home=tmp_path, embedder="light", score_url=server.url, llm_cache=True)
        async with Application(kept) as application:
            assert isinstance(application.container.get(LanguageModel), CachedModel)
            first = await reranked(
                application.container.get(LanguageModel), hits(30), strategy="cross_encoder", keep=3
            )
            again = await reranked(
                application.container.get(LanguageModel), hits(30), strategy="cross_encoder", keep=3
            )
            assert first.output == again.output
        assert len(server.of("/score")) == 1
        plain = Settings(home=tmp_path, embedder="light", score_url=server.url)
        async with Application(plain, record=tmp_path / "scores.jsonl") as application:
            live = await reranked(
                application.container.get(LanguageModel), hits(30), strategy="groupwise", keep=3
            )
    async with Application(plain, replay=tmp_path / "scores.jsonl") as application:
        offline = await reranked(
            application.container.get(LanguageModel), hits(30), strategy="groupwise", keep=3
        )
        assert not application.container.get(LanguageModel).available, (
            "nodes did without a text, and do so again"
        )
    assert (offline.output, offline.degraded, offline.usage) == (live.output, live.degraded, live.usage)
    with pytest.raises(BadInput, match="no model to record"):
        Application(Settings(home=tmp_path), record=tmp_path / "none.jsonl").container.get(LanguageModel)


def test_what_stands_before_a_model_says_what_it_says() -> None:
    for model, scores in ((Judge({}), True), (NullModel(), False)):
        assert scores_texts(model) is scores
        assert scores_texts(ClientModel(model, ClientSettings(tokens=9))) is scores


async def test_an_address_of_embeddings_is_used_by_itself(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "vectors", "owned_by": "vllm"}]})
        rows = [{"index": n, "embedding": [1.0, 2.0]} for n, _ in enumerate(asked.body["input"])]
        return Reply({"data": rows})

    async with scripted(script) as server:
        async with Application(
            Settings(home=tmp_path, embedder="auto", embed_url=server.url, embed_model="vectors")
        ) as application:
            vectors = await application.container.get(Embedder).embed(["a"], kind="query")
            assert (application.container.get(Embedder).name, vectors.shape) == ("vectors", (1, 2))
        settings = Settings(home=tmp_path, embed_url=server.url, embedder="light")
        async with Application(settings) as application:
            assert application.container.get(Embedder).name != "vectors"


async def test_a_workflow_with_a_cross_encoder_runs_in_an_application(tmp_path: Path) -> None:
    async with scripted(cross_encoder) as server:
        settings = Settings(home=tmp_path, embedder="light", score_url=server.url)
        async with Application(settings) as application:
            wf = workflow("rank", Rerank("cross_encoder", keep=2), inputs=(Question, Hits))
            ports = {
                Documents: Texts(),
                Embedder: Letters(),
                LanguageModel: application.container.get(LanguageModel),
            }
            result = await wf.run(QUESTION, hits(5), ports=ports)
    assert result.output.ids == ("4", "3")


async def test_what_one_model_wrote_is_not_given_for_another_at_the_same_address(tmp_path: Path) -> None:
    settings: dict[str, object] = {"home": tmp_path, "embedder": "light", "llm_cache": True}
    port, written = 0, []
    for name in ("old", "old", "new"):
        chat = serving(lambda _, name=name: Reply(completion(name)), name)
        async with (
            scripted(chat, port) as server,
            Application(Settings(llm_url=server.url, **settings)) as application,
        ):
            port = int(server.url.rpartition(":")[2])
            written.append(
                (await application.container.get(LanguageModel).generate(GenerationRequest(PROMPT))).text
            )
            asked = len(server.of("/v1/chat/completions"))
            assert asked == (len(written) != 2), "a process that knows no name yet finds what is kept"
    assert written == ["old", "old", "new"]
