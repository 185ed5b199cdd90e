"""Learned term weights, by a tiny checkpoint that is made here: real files, loaded by the real code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from connectors.splade import SpladeEncoder
from orchestrator.application.application import Application
from orchestrator.errors import IndexMismatch, OrchestratorError, SettingsError
from orchestrator.ports import Lexical, SparseEncoder, VectorStore
from orchestrator.settings import Settings
from orchestrator.testing.learned_sparse import LearnedSparseConformance
from orchestrator.types import ANONYMOUS

pytestmark = pytest.mark.slow

torch: Any = pytest.importorskip("torch", reason="torch is not installed: the extra `splade` has it")
transformers: Any = pytest.importorskip(
    "transformers", reason="transformers is not installed: the extra `splade` has it"
)

WORDS = "otter otters badger sleep on their backs river the a of in met fish owl night x".split()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked language model of two layers with random weights, and its tokenizer."""
    folder = tmp_path_factory.mktemp("splade") / "tiny"
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    numbers = {word: number for number, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def splade(checkpoint: Path) -> SpladeEncoder:
    return SpladeEncoder(checkpoint)


class TestSpladeEncoder(LearnedSparseConformance):
    @pytest.fixture
    def encoder(self, splade: SpladeEncoder) -> SparseEncoder:
        return splade


def test_weights_are_the_highest_log_of_one_plus_relu(checkpoint: Path, splade: SpladeEncoder) -> None:
    text = "the otter met a badger in the river"
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForMaskedLM.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        logits = model(**tokenizer([text], return_tensors="pt")).logits[0]
    expected = {
        word: max(
            float(torch.log(1 + torch.clamp(logits[token, word], min=0))) for token in range(len(logits))
        )
        for word in range(logits.shape[1])
    }
    (vector,) = splade.passages([text])
    assert len(vector.indices) > 3
    found = dict(zip(vector.indices, vector.values, strict=True))
    for word, weight in expected.items():
        assert found.get(word, 0.0) == pytest.approx(weight, abs=1e-4)
    assert splade.query(text) == vector


def test_queries_can_be_their_tokens(checkpoint: Path) -> None:
    encoder = SpladeEncoder(checkpoint, queries="tokens")
    otter = 5 + WORDS.index("otter")
    badger = 5 + WORDS.index("badger")
    assert encoder.query("otter badger otter zebra").indices == (otter, badger)
    assert encoder.query("otter badger otter zebra").values == (2.0, 1.0)


async def test_the_store_puts_no_document_frequencies_on_learned_weights(
    checkpoint: Path, tmp_path: Path
) -> None:
    texts = {"a": "the otter met a fish", "b": "the owl", "c": "otters sleep on their backs", "d": "a badger"}
    lines = [json.dumps({"_id": name, "text": text}) for name, text in texts.items()]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.jsonl").write_text("\n".join(lines))
    settings = Settings(
        home=tmp_path / "home", embedder="light", connectors={"splade": {"folder": checkpoint}}
    )
    async with Application(settings) as app:
        # A worker process makes the same encoder from the settings that it is given.
        await app.indexer().add(tmp_path / "docs", labels=["public"])
        encoder = app.container.get(SparseEncoder)
        assert isinstance(encoder, SpladeEncoder)
        store: Any = app.ports()[VectorStore]
        (hits,) = await store.search([Lexical("otter fish")], principal=ANONYMOUS)
        query = encoder.query("otter fish")
        asked = dict(zip(query.indices, query.values, strict=True))
        expected = [
            sum(asked.get(i, 0.0) * value for i, value in zip(v.indices, v.values, strict=True))
            for v in encoder.passages(list(texts.values()))
        ]
        assert sorted((hit.score for hit in hits), reverse=True) == pytest.approx(
            # Weights are rounded when they are stored, so that sums are the same in any order.
            sorted((score for score in expected if score > 0), reverse=True),
            rel=1e-3,
        )
    # Terms of one kind are not searched with those of another.
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        with pytest.raises(OrchestratorError) as caught:
            await app.container.get(VectorStore).search([Lexical("otter")], principal=ANONYMOUS)
        assert isinstance(caught.value, IndexMismatch)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no checkpoint"):
        SpladeEncoder(tmp_path / "absent")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        SpladeEncoder(tmp_path).query("otter")
