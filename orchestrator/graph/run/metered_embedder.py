"""Embedders whose calls count on the run that makes them, where a server is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.graph.run.meter import Meter
from orchestrator.ports import (
    Embedder,
    TokenEmbedder,
    embed_tokens_with_usage,
    embed_with_usage,
)
from orchestrator.types import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Metered:
    """What both kinds have in common: everything else is the embedder's."""

    def __init__(self, embedder: Embedder | TokenEmbedder, meter: Meter) -> None:
        self._embedder = embedder
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._embedder, name)

    @property
    def name(self) -> str:
        """The embedder's name."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return self._embedder.dimensions


class MeteredEmbedder(_Metered):
    """The embedder that a node is given, if its calls cost something.

    Each request to the server counts as a call, with the tokens that the server read. A call that begins
    when calls or tokens have run out raises BudgetExhausted unmade. The deadline does not forbid one: what
    a node still needs to return its best so far has the run's grace for it.
    """

    def __init__(self, embedder: Embedder, meter: Meter) -> None:
        super().__init__(embedder, meter)
        self._dense = embedder

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions); see the port."""
        return (await self.embed_with_usage(texts, kind=kind))[0]

    async def embed_with_usage(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> tuple[NDArray[np.float32], Usage]:
        """The same, and what it took."""
        self._meter.require(self._meter.spent_out)
        return await self._meter.count(
            "embed",
            self._dense,
            lambda: embed_with_usage(self._dense, texts, kind=kind),
            lambda made: made[1],
        )


class MeteredTokenEmbedder(_Metered):
    """The same for token embedders: counts the usage of their calls."""

    def __init__(self, embedder: TokenEmbedder, meter: Meter) -> None:
        super().__init__(embedder, meter)
        self._tokens = embedder

    async def embed_tokens(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> list[NDArray[np.float32]]:
        """A matrix of shape (tokens, dimensions) for each text; see the port."""
        return (await self.embed_tokens_with_usage(texts, kind=kind))[0]

    async def embed_tokens_with_usage(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> tuple[list[NDArray[np.float32]], Usage]:
        """The same, and what it took."""
        self._meter.require(self._meter.spent_out)
        return await self._meter.count(
            "embed_tokens",
            self._tokens,
            lambda: embed_tokens_with_usage(self._tokens, texts, kind=kind),
            lambda made: made[1],
        )
