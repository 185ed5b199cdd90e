"""Item vectors for the decoder: what the texts say, and whom training shows beside whom."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.recommendation.generative.item_ids.vectors import (
    Components,
    collaborative_vectors,
    joined,
    unit,
)

if TYPE_CHECKING:
    from orchestrator.interactions.items import Items
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.ports import Embedder

Vectors = NDArray[np.float32]

#: Dimensions of each view.
VIEW = 64


@dataclass(frozen=True, eq=False)
class Contents:
    """Both views of every item, rows of length one or zero; `components` reads texts of later items."""

    text: Vectors
    collaborative: Vectors
    components: Components

    @classmethod
    def of(cls, items: Items, train: Sequences, embedder: Embedder, *, seed: int) -> Contents:
        """From the texts of the items and from training sequences, nothing else."""
        read = embedded([item.text for item in items.rows], embedder)
        components = Components.of(read, min(VIEW, read.shape[1]))
        return cls(
            said(items, read, components), collaborative_vectors(train, len(items), seed=seed), components
        )

    @property
    def both(self) -> Vectors:
        """Both views side by side, each as it is: (items, 2 · 64)."""
        return np.hstack([self.text, self.collaborative])

    @property
    def joined(self) -> Vectors:
        """Both views, of equal weight; an item that one view does not know is known by the other."""
        return unit(joined(self.text, self.collaborative))


def said(items: Items, read: Vectors, components: Components) -> Vectors:
    """The view of the texts: nothing for an item of which nothing can be read."""
    vectors = components(read)
    vectors[[not item.text for item in items.rows]] = 0
    return vectors


def embedded(texts: list[str], embedder: Embedder) -> Vectors:
    """Vectors of texts, from code that no event loop waits for."""

    def embed() -> Vectors:
        return asyncio.run(embedder.embed(texts, kind="passage"))

    # The caller's thread may have a loop of its own.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(embed).result()
