"""Tiny catalogues with a rule that a model can learn, and the trainer of their rankers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from connectors.torch_decoder import GenerativeTrainer
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.protocol import leave_two_out
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Training

FAST: dict[str, Any] = {
    "width": 32,
    "heads": 1,
    "inner": 64,
    "epochs": 10,
    "batch": 128,
    "dropout": 0.0,
    "rate": 1e-2,
}


class Letters:
    """An embedder that counts letters: texts that share words stand close."""

    name = "letters"
    dimensions = 26

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"]) -> NDArray[np.float32]:
        counts = [[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts]
        vectors = np.asarray(counts, dtype=np.float32) + 1e-3
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def catalogue(count: int) -> Items:
    """Items `i00`, `i01` …, each of one of four kinds."""
    kinds = ("soap", "brush", "lotion", "perfume")
    return Items.of(
        [Item(f"i{n:02}", f"{kinds[n % 4]} number {n}", (("kind", kinds[n % 4]),)) for n in range(count)]
    )


def walks(count: int, users: int, seed: int = 0) -> Sequences:
    """Users who go through the items in order, from wherever they begin."""
    rng = np.random.default_rng(seed)
    rows = [
        [(first + n) % count for n in range(rng.integers(5, 9))] for first in rng.integers(0, count, users)
    ]
    return Sequences.of(rows)


def training(folder: Path, items: Items, sequences: Sequences, **settings: Any) -> Training:
    split = leave_two_out(sequences)
    return Training(
        items=items, train=split.train, chosen=split.validation, folder=folder, settings=FAST | settings
    )


def trainer(name: str = "generative") -> GenerativeTrainer:
    return GenerativeTrainer(name, Letters())
