"""The strategy `auto`: what was measured of the model, or a default that the run names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import Hits, Question, workflow
from orchestrator.models.null import NullModel
from orchestrator.models.profile_folder import ProfileFolder
from orchestrator.nodes import Rerank
from orchestrator.ports import Documents, Embedder, LanguageModel, ModelProfile, ModelProfiles
from tests.nodes.rerank.asking import QUESTION, Letters, Texts, hits, judge


async def reranked(model: Any, profiles: ModelProfiles | None, strategy: str = "auto") -> Any:
    ports: dict[Any, Any] = {Documents: Texts(), Embedder: Letters(), LanguageModel: model}
    if profiles is not None:
        ports[ModelProfiles] = profiles
    flow = workflow("rerank", Rerank(strategy, keep=8), inputs=(Question, Hits))
    return await flow.run(QUESTION, hits(8), ports=ports)


@pytest.mark.parametrize("strategy", ["yes_no", "setwise", "embedding"])
async def test_what_was_measured_is_taken(strategy: str, tmp_path: Path) -> None:
    profiles = ProfileFolder(tmp_path)
    await profiles.keep(ModelProfile("judge", strategy))
    found = await reranked(judge(8), profiles)
    named = await reranked(judge(8), None, strategy)
    assert found.output.ids == named.output.ids
    assert found.usage == named.usage
    assert not found.degraded


@pytest.mark.parametrize("kept", [None, ModelProfile("another", "yes_no"), ModelProfile("judge", "gone")])
async def test_without_a_measurement_the_run_names_the_default(
    kept: ModelProfile | None, tmp_path: Path
) -> None:
    profiles = ProfileFolder(tmp_path)
    if kept is not None:
        await profiles.keep(kept)
    found = await reranked(judge(8), profiles)
    [reason] = found.degraded
    assert "`groupwise` is used" in reason
    assert "orchestrator doctor --model" in reason
    assert found.output.ids == (await reranked(judge(8), None, "groupwise")).output.ids


async def test_without_a_place_for_profiles_the_default_holds() -> None:
    assert "`groupwise`" in (await reranked(judge(8), None)).degraded[0]


async def test_without_a_model_embeddings_stand_in(tmp_path: Path) -> None:
    [reason] = (await reranked(NullModel(), ProfileFolder(tmp_path))).degraded
    assert "reranked by embeddings" in reason
