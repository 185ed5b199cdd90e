"""What a text becomes in the tests of vector stores: a direction that its words decide, without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from orchestrator.ports import DocumentRow
from orchestrator.testing.rows import document as any_document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Dimensions of `direction`.
DIMENSIONS = 16


def direction(text: str) -> NDArray[np.float32]:
    """The unit vector of a text: the sum of a fixed one for each of its words."""
    import numpy as np

    total = np.full(DIMENSIONS, 1e-3)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        total += np.random.default_rng(seed).standard_normal(DIMENSIONS)
    return (total / np.linalg.norm(total)).astype(np.float32)


class WordEmbedder:
    """The `Embedder` port by `direction`."""

    name = "words"
    dimensions = DIMENSIONS

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> NDArray[np.float32]:
        """The direction of each text."""
        import numpy as np

        empty = np.empty((0, DIMENSIONS), np.float32)
        return np.concatenate([empty, *(direction(text)[None] for text in texts)])


def document(name: str, *texts: str, **fields: object) -> DocumentRow:
    """A document whose ids are UUIDs as stores print them; `fields` as those of `rows.document`."""
    from dataclasses import replace

    row = any_document(name, *texts, **fields)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return replace(
        row, passages=tuple(replace(passage, id=str(UUID(passage.id))) for passage in row.passages)
    )
