from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from connectors import wordllama
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.errors import SettingsError
from orchestrator.ports import Embedder, TokenEmbedder
from orchestrator.testing.embedder import EmbedderConformance
from orchestrator.testing.token_embedder import TokenEmbedderConformance

EMBEDDER = WordLlamaEmbedder()


class TestWordLlamaEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return EMBEDDER


class TestTokensOfWordLlama(TokenEmbedderConformance):
    @pytest.fixture
    def tokens(self) -> TokenEmbedder:
        return EMBEDDER


def by_the_library(texts: list[str]) -> list[list[float]]:
    """What the library makes of texts, in a process of its own: its import configures the root logger."""
    program = (
        "import json, sys, wordllama, pathlib;"
        "model = wordllama.WordLlama.load("
        "cache_dir=pathlib.Path(wordllama.__file__).parent, disable_download=True);"
        "print(json.dumps(model.embed(json.loads(sys.argv[1]), norm=True).tolist()))"
    )
    command = [sys.executable, "-c", program, json.dumps(texts)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
async def test_vectors_are_those_of_the_library() -> None:
    texts = ["Otters sleep on their backs.", "x", "naïve 水獭", "badger " * 200]
    assert np.abs(await EMBEDDER.embed(texts) - np.array(by_the_library(texts))).max() < 1e-5


async def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordllama, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="not installed") as caught:
        await WordLlamaEmbedder().embed(["x"])
    assert "pip install wordllama" in caught.value.hint


def test_making_one_loads_nothing() -> None:
    program = (
        "import sys; from connectors.wordllama import WordLlamaEmbedder; WordLlamaEmbedder().dimensions;"
        "print(sorted({'numpy', 'tokenizers', 'wordllama'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
