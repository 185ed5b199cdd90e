"""Learned term weights: a masked language model that says which words of its vocabulary a text is about.

The weight of a word is the highest, over the text's tokens, of log(1 + relu(logit)). Source: Formal et
al., "SPLADE v2" (arXiv 2109.10086). Any checkpoint of that kind will do, from a local folder (extra
`splade`: torch and transformers); none is shipped.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import SettingsError
from orchestrator.ports import SparseVector

_HINT = 'Run `pip install "orchestrator-rag[splade]"`, or leave the setting `splade` out.'
_BATCH = 16
#: Queries whose vectors are remembered: one is asked for by several nodes of a run.
_QUERIES = 256


class SpladeEncoder:
    """The `SparseEncoder` port by a SPLADE-style checkpoint in `folder`.

    `learned`: its weights are scores as they are, and the store puts no document frequencies on them.
    With `queries="tokens"` a query is its tokens, each counted, without the model: for checkpoints that
    were trained so (SPLADE-doc), and as fast as BM25. Texts are cut at `longest` tokens, or as the model
    must.
    """

    learned = True

    def __init__(
        self, folder: Path, *, queries: Literal["model", "tokens"] = "model", longest: int = 256
    ) -> None:
        self._folder = folder
        self._queries = queries
        self._longest = longest
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._name = f"splade-{folder.name}-{_fingerprint(folder)}-{queries}-{longest}"
        self._asked = lru_cache(maxsize=_QUERIES)(self._query)

    @property
    def name(self) -> str:
        """Names the checkpoint by its content, and how it is used."""
        return self._name

    def passages(self, texts: Sequence[str]) -> list[SparseVector]:
        """The weight of each word of the vocabulary for each text; nothing for a text without a token."""
        found: list[SparseVector] = []
        for start in range(0, len(texts), _BATCH):
            found += self._weighted(texts[start : start + _BATCH])
        return found

    def query(self, text: str) -> SparseVector:
        """The weights of a query."""
        return self._asked(text)

    def _query(self, text: str) -> SparseVector:
        if self._queries == "model":
            return self._weighted([text])[0]
        tokenizer, _ = self._load()
        counts: dict[int, float] = {}
        for token in tokenizer(_encodable(text), add_special_tokens=False)["input_ids"]:
            if token != tokenizer.unk_token_id:
                counts[token] = counts.get(token, 0.0) + 1.0
        indices = sorted(counts)
        return SparseVector(tuple(indices), tuple(counts[one] for one in indices))

    def _weighted(self, texts: Sequence[str]) -> list[SparseVector]:
        tokenizer, model = self._load()
        torch = _imported("torch")
        most = min(self._longest, int(model.config.max_position_embeddings))
        batch = tokenizer(
            [_encodable(text) for text in texts],
            padding=True,
            truncation=True,
            max_length=most,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        special = batch.pop("special_tokens_mask")
        with torch.inference_mode():
            logits = model(**batch).logits.float()
            weights = torch.log1p(torch.relu(logits)) * batch["attention_mask"][..., None]
            highest = weights.amax(dim=1)
        words = ((special == 0) & (batch["input_ids"] != tokenizer.unk_token_id)).any(dim=1)
        return [
            _vector(row) if there else SparseVector((), ()) for row, there in zip(highest, words, strict=True)
        ]

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                transformers = _imported("transformers")
                transformers.utils.logging.set_verbosity_error()
                transformers.utils.logging.disable_progress_bar()
                try:
                    tokenizer = transformers.AutoTokenizer.from_pretrained(
                        self._folder, local_files_only=True
                    )
                    model = transformers.AutoModelForMaskedLM.from_pretrained(
                        self._folder, local_files_only=True
                    )
                except (OSError, ValueError) as error:
                    reason = str(error).splitlines()[0].rstrip(".")
                    raise SettingsError(
                        f"The checkpoint in {self._folder} cannot be loaded: {reason}.",
                        hint="It must be a masked language model with its tokenizer, saved by transformers.",
                    ) from None
                self._loaded = tokenizer, model.eval()
            return self._loaded


def _vector(row: Any) -> SparseVector:
    indices = row.nonzero().flatten()
    return SparseVector(tuple(indices.tolist()), tuple(row[indices].tolist()))


def _encodable(text: str) -> str:
    # JSON may carry halves of surrogate pairs, which tokenizers refuse.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _fingerprint(folder: Path) -> str:
    """The first digits of the SHA-256 of the weights and the vocabulary."""
    files = sorted(
        file
        for file in (folder.iterdir() if folder.is_dir() else ())
        if file.suffix in {".safetensors", ".bin"} or file.name in {"vocab.txt", "tokenizer.json"}
    )
    if not any(file.suffix in {".safetensors", ".bin"} for file in files):
        raise SettingsError(
            f"The setting splade names {folder}, which holds no checkpoint.",
            hint="Name a folder with config.json, model.safetensors and the tokenizer's files.",
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]


def _imported(name: str) -> Any:
    # These packages may be absent, so that their types cannot be relied on.
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsError(
            f"The setting splade is given, but {error.name or name} is not installed.", hint=_HINT
        ) from None
