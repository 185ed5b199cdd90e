"""Leaves and an embedder for trees of few texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from orchestrator.tree.leaf import Leaf

DIMENSIONS = 32


def vector_of(text: str) -> np.ndarray:
    """A direction for the first word of a text, and a little of the whole."""
    first = text.split()[0].casefold() if text.split() else ""
    rows = [
        np.random.default_rng(int.from_bytes(hashlib.sha256(each.encode()).digest()[:8], "big")).normal(
            size=DIMENSIONS
        )
        for each in (first, text)
    ]
    joined = rows[0] + 0.3 * rows[1]
    return (joined / np.linalg.norm(joined)).astype(np.float32)


class Embedding:
    """The `Embedder` port over `vector_of`; `texts` are those that were asked for."""

    name, dimensions = "first word", DIMENSIONS

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str], *, kind: str) -> np.ndarray:
        self.texts.extend(texts)
        return np.stack([vector_of(text) for text in texts]) if texts else np.zeros((0, DIMENSIONS))


def leaf(
    number: int, text: str, *, document: str = "", position: int = 0, section: tuple[str, ...] = ()
) -> Leaf:
    """A leaf, by default a document of its own."""
    return Leaf(f"p{number:04}", document or f"d{number:04}", text, vector_of(text), "", position, section)


def leaves(number: int, subjects: Sequence[str] = ("otter", "tax", "heat", "song")) -> list[Leaf]:
    """Single passages about a few subjects, in turn."""
    return [leaf(at, f"{subjects[at % len(subjects)]} fact {at}.") for at in range(number)]
