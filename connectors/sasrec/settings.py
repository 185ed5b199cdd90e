"""The size of the model and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SasRecSettings:
    """Constants, chosen on validation parts; `tiny` is for tests and small catalogues.

    `temperature` divides cosines into logits. `negatives` of 0 is the cross-entropy over the whole
    catalogue, otherwise over that many items drawn uniformly a step. `patience` is in epochs without a
    better NDCG@10 on the validation part.
    """

    dimensions: int = 128
    layers: int = 2
    heads: int = 2
    length: int = 50
    content: int = 128
    dropout: float = 0.5
    temperature: float = 0.07
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    batch: int = 256
    epochs: int = 24
    patience: int = 5
    every: int = 2
    negatives: int = 0
    warmup: int = 100

    @classmethod
    def named(cls, name: str) -> SasRecSettings:
        """`full` or `tiny`."""
        if name == "tiny":
            return cls(dimensions=32, heads=1, content=32, epochs=20, patience=4, every=2, batch=64)
        return cls()
