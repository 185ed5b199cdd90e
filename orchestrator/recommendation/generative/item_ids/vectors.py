"""Item vectors for identifiers: from co-occurrence in training sequences, and from item texts."""

# scipy ships no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from orchestrator.interactions.sequences import Sequences

Vectors = NDArray[np.float32]


def co_occurrence(train: Sequences, items: int, *, window: int = 5) -> Any:
    """How often two items stand within `window` of each other, by 1/distance; symmetric, (items, items)."""
    from scipy.sparse import coo_array

    rows = np.repeat(np.arange(len(train.offsets) - 1), np.diff(train.offsets))
    left: list[NDArray[np.int32]] = []
    right: list[NDArray[np.int32]] = []
    weight: list[Vectors] = []
    for distance in range(1, window + 1):
        same = rows[distance:] == rows[:-distance]
        first, second = train.items[:-distance][same], train.items[distance:][same]
        differ = first != second
        left.append(first[differ])
        right.append(second[differ])
        weight.append(np.full(int(differ.sum()), 1 / distance, dtype=np.float32))
    pairs = (np.concatenate([*left, *right]), np.concatenate([*right, *left]))
    counts: Any = coo_array((np.concatenate([*weight, *weight]), pairs), shape=(items, items))
    return counts.tocsr()


def collaborative_vectors(
    train: Sequences, items: int, *, dimensions: int = 64, window: int = 5, seed: int = 0
) -> Vectors:
    """Positive pointwise mutual information of co-occurrence, factorised (Levy and Goldberg, 2014).

    Shape (items, dimensions), rows of length one; an item that training never saw beside another is 0.
    """
    from scipy.sparse import csr_array

    counts = co_occurrence(train, items, window=window)
    found = np.zeros((items, dimensions), dtype=np.float32)
    degree = np.asarray(counts.sum(axis=1)).ravel()
    rank = min(dimensions, int((degree > 0).sum()) - 1)
    if rank < 1:
        return found
    where = counts.tocoo()
    # Raising the context's counts to .75 keeps rare items from the highest values.
    smooth = degree**0.75
    information = np.log(
        np.maximum(where.data * smooth.sum() / (degree[where.row] * smooth[where.col]), 1e-12)
    )
    keep = information > 0
    matrix: Any = csr_array(
        (information[keep].astype(np.float32), (where.row[keep], where.col[keep])), shape=(items, items)
    )
    found[:, :rank] = _factors(matrix, rank, np.random.default_rng(seed))
    return unit(found)


def _factors(matrix: Any, rank: int, rng: np.random.Generator) -> Vectors:
    """U·√S of a truncated SVD by random projection (Halko, Martinsson and Tropp, 2011)."""
    projected = matrix @ rng.normal(size=(matrix.shape[1], min(rank + 16, matrix.shape[1]))).astype(
        np.float32
    )
    for _ in range(4):
        basis, _ = np.linalg.qr(projected)
        projected = matrix @ (matrix.T @ basis)
    basis, _ = np.linalg.qr(projected)
    left, values, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    left = basis @ left[:, :rank]
    left *= np.sign(left[np.abs(left).argmax(axis=0), np.arange(rank)])
    return (left * np.sqrt(values[:rank])).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Components:
    """A projection on principal directions: `mean` (dimensions,), `directions` (dimensions, kept)."""

    mean: Vectors
    directions: Vectors

    @classmethod
    def of(cls, vectors: Vectors, kept: int) -> Components:
        """Fitted to these rows."""
        mean = vectors.mean(axis=0)
        centred = (vectors - mean).astype(np.float64)
        values, directions = np.linalg.eigh(centred.T @ centred)
        found = directions[:, np.argsort(-values)[:kept]]
        # An eigenvector's sign is arbitrary: fixed, so that equal rows give equal vectors on every machine.
        found = found * np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
        return cls(mean.astype(np.float32), found.astype(np.float32))

    def __call__(self, vectors: Vectors) -> Vectors:
        """Rows (rows, kept) of length one."""
        return unit(((vectors - self.mean) @ self.directions).astype(np.float32))


def joined(text: Vectors, collaborative: Vectors, *, share: float = 0.5) -> Vectors:
    """Both views side by side; `share` is the collaborative part of the squared length."""
    return np.hstack([text * np.sqrt(1 - share), collaborative * np.sqrt(share)]).astype(np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Rows divided by their length; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
