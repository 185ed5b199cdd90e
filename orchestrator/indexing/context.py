"""What the jobs of an index work with, and what they have in common: vectors of passages, shard names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.errors import IndexMismatch, ModelError, StoreError
from orchestrator.indexing.file_documents import embedded_text
from orchestrator.indexing.token_buffer import TokenBuffer
from orchestrator.ports import (
    DocumentRow,
    Embedder,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    Job,
    Ledger,
    ShardWriter,
    SparseEncoder,
    SparseVector,
    TokenEmbedder,
)
from orchestrator.ranking.late_interaction import stored_encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.indexing.isolated_reading import Reader

#: Seconds of a job's lease, renewed every quarter of it.
LEASE = 120.0
#: Seconds that writing one passage into a shard may take, at most; it may hold the interpreter.
WRITING = 0.005
#: How many passages are embedded at once.
BATCH = 1024
#: Passages whose tokens' vectors are in memory at once: some 50 MB.
_TOKEN_BATCH = 128


def index_format(
    embedder: Embedder, sparse: SparseEncoder, tokens: TokenEmbedder | None = None
) -> IndexFormat:
    """What an index that is made with these holds."""
    made_with = IndexFormat(embedder.name, embedder.dimensions, sparse.name)
    if tokens is None:
        return made_with
    encoder = stored_encoder(tokens.dimensions)
    return replace(made_with, tokens=f"{tokens.name}, {encoder.name}", token_dimensions=tokens.dimensions)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Vectors of passages: dense ones, shape (passages, dimensions), sparse ones, matrices of tokens."""

    dense: NDArray[np.float32]
    sparse: list[SparseVector]
    tokens: TokenBuffer | None


@dataclass
class IndexingContext:
    """The ports that jobs need. `progress` is told of each file and batch of passages that is done.

    Files are read by one process, started with the first job that reads any, unless one has been
    `started`.
    """

    ledger: Ledger
    registry: IndexRegistry
    shards: ShardWriter
    embedder: Embedder
    sparse: SparseEncoder
    tokens: TokenEmbedder | None = None
    progress: Callable[[int, int], None] = lambda files, passages: None
    lease: float = LEASE
    started: Reader | None = None
    _warm: asyncio.Task[object] | None = field(default=None, init=False)

    @property
    def format(self) -> IndexFormat:
        """What the passages that are written here are made with."""
        return index_format(self.embedder, self.sparse, self.tokens)

    @property
    def reader(self) -> Reader:
        """The process that reads files; it starts while the embedder is loaded."""
        if self.started is None or self.started.closed:
            from orchestrator.indexing.isolated_reading import Reader

            self.started = Reader()
        return self.started

    def version(self, index: str) -> IndexVersion:
        """The index as it is now; StoreError if there is none."""
        version = self.registry.current(index)
        if version is None:
            raise StoreError(f"there is no index {index!r}.", hint="Add something to it first.")
        return version

    def same_format(self, index: str) -> IndexVersion:
        """The index as it is now; IndexMismatch if it is made with other models than these."""
        version = self.version(index)
        if version.format != self.format:
            raise IndexMismatch(
                f"the index {index!r} is made with {version.format.embedder} and {version.format.sparse}, "
                f"and this worker with {self.format.embedder} and {self.format.sparse}.",
                hint=f"Set the same models, or `orchestrator index rebuild --index {index}`.",
            )
        return version

    def warm_up(self) -> None:
        """Load the embedder while something else is waited for."""
        if self._warm is None:
            self._warm = asyncio.create_task(self.embedder.embed(["warm"], kind="passage"))
            # Should it fail, it fails again where it is needed.
            self._warm.add_done_callback(lambda task: task.cancelled() or task.exception())

    def token_buffer(self) -> TokenBuffer | None:
        """Where matrices of tokens wait for their shard; None if the index keeps none."""
        return None if self.tokens is None else TokenBuffer(self.tokens.dimensions)

    async def encode(
        self, documents: Sequence[DocumentRow], token_buffer: TokenBuffer | None = None
    ) -> Encoded:
        """The vectors of all passages in order; token matrices are appended to `token_buffer`, if given."""
        import numpy as np

        token_buffer = token_buffer if token_buffer is not None else self.token_buffer()

        texts = [embedded_text(document, passage) for document in documents for passage in document.passages]
        dense: list[NDArray[np.float32]] = []
        sparse: list[SparseVector] = []
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            # The terms are counted here while the embedder computes in its own threads.
            vectors, terms = await asyncio.gather(
                self.embedder.embed(part, kind="passage"), asyncio.to_thread(self.sparse.passages, part)
            )
            if vectors.shape != (len(part), self.embedder.dimensions) or not np.isfinite(vectors).all():
                raise ModelError(
                    f"the embedder {self.embedder.name} gave an array of {vectors.shape}, or values that are "
                    f"not finite; expected {len(part)} vectors of {self.embedder.dimensions} numbers.",
                    hint="Check the model with `orchestrator doctor`.",
                )
            dense.append(vectors)
            sparse += terms
            if token_buffer is not None:
                await self._buffer_tokens(part, token_buffer)
        empty = np.empty((0, self.embedder.dimensions), np.float32)
        return Encoded(np.concatenate([empty, *dense]), sparse, token_buffer)

    async def _buffer_tokens(self, texts: Sequence[str], token_buffer: TokenBuffer) -> None:
        import numpy as np

        assert self.tokens is not None
        for start in range(0, len(texts), _TOKEN_BATCH):
            matrices = await self.tokens.embed_tokens(texts[start : start + _TOKEN_BATCH], kind="passage")
            if not all(np.isfinite(matrix).all() for matrix in matrices):
                raise ModelError(
                    f"the token embedder {self.tokens.name} gave values that are not finite.",
                    hint="Check the model with `orchestrator doctor`.",
                )
            await asyncio.to_thread(token_buffer.extend, matrices)

    def shard_name(self, job: Job, passages: int) -> str:
        """The name of the shard that a job is about to write; its lease now lasts until that is written."""
        self.lease = LEASE + WRITING * passages
        self.ledger.renew(job, seconds=self.lease)
        return f"{job.id}-{job.fence}"

    def close(self) -> None:
        """End the reading process."""
        if self.started is not None:
            self.started.close()
