"""The format of an index: which models made it."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.ports import Embedder, IndexFormat, SparseEncoder, TokenEmbedder


def index_format(
    embedder: Embedder, sparse: SparseEncoder, tokens: TokenEmbedder | None = None
) -> IndexFormat:
    """The format of an index that is made with these models."""
    made_with = IndexFormat(embedder.name, embedder.dimensions, sparse.name)
    if tokens is None:
        return made_with
    from orchestrator.ranking.late_interaction import stored_encoder

    encoder = stored_encoder(tokens.dimensions)
    return replace(made_with, tokens=f"{tokens.name}, {encoder.name}", token_dimensions=tokens.dimensions)
