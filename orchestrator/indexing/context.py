"""The context of indexing: the ports of its jobs, and the encoding of passages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ModelError, StoreError
from orchestrator.indexing.file_documents import embedded_text
from orchestrator.indexing.index_format import index_format
from orchestrator.indexing.job_ports import BATCH, Encoded, PassageEncoder, ReaderSource, current_version
from orchestrator.indexing.move_job import Stores
from orchestrator.indexing.remote_files import NoSources, RemoteSources, SourceReader
from orchestrator.indexing.token_buffer import TokenBuffer
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.ports import (
    DocumentRow,
    Embedder,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    Ledger,
    SparseEncoder,
    SparseVector,
    TokenEmbedder,
    VectorStore,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.indexing.isolated_reading import Reader

#: Passages whose tokens' vectors are in memory at once: some 50 MB.
_TOKEN_BATCH = 128


@dataclass
class IndexingContext:
    """The ports of indexing jobs. It is also their `PassageEncoder` and `ReaderSource`.

    Files are read by one process, started with the first job that reads any, unless one has been
    `started`.
    """

    ledger: Ledger
    registry: IndexRegistry
    writer: IndexWriter
    embedder: Embedder
    sparse: SparseEncoder
    tokens: TokenEmbedder | None = None
    started: Reader | None = None
    stores: Stores = field(default_factory=lambda: _NoStores())
    sources: RemoteSources = field(default_factory=NoSources)
    _warm: asyncio.Task[object] | None = field(default=None, init=False)

    @property
    def ports(self) -> Mapping[Any, Any]:
        """The ports that job handlers receive."""
        return {
            Ledger: self.ledger,
            IndexRegistry: self.registry,
            IndexWriter: self.writer,
            SparseEncoder: self.sparse,
            PassageEncoder: self,
            ReaderSource: self,
            Stores: self.stores,
        }

    def runner(self) -> JobRunner:
        """The runner of the jobs of an index in this process."""
        return JobRunner(self.ledger, JobHandlers(), self.ports)

    @property
    def format(self) -> IndexFormat:
        """The format of the passages that are written here."""
        return index_format(self.embedder, self.sparse, self.tokens)

    @property
    def reader(self) -> SourceReader:
        """The process that reads files; it starts while the embedder is loaded."""
        if self.started is None or self.started.closed:
            from orchestrator.indexing.isolated_reading import Reader

            self.started = Reader()
        return SourceReader(self.started, self.sources)

    def version(self, index: str) -> IndexVersion:
        """The index as it is now; StoreError if there is none."""
        return current_version(self.registry, index)

    def warm_up(self) -> None:
        """Load the embedder in the background."""
        if self._warm is None:
            self._warm = asyncio.create_task(self.embedder.embed(["warm"], kind="passage"))
            # Should it fail, it fails again where it is needed.
            self._warm.add_done_callback(lambda task: task.cancelled() or task.exception())

    def token_buffer(self) -> TokenBuffer | None:
        """A buffer for token vectors until their shard is written; None if the index keeps none."""
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
                    f"The embedder {self.embedder.name} gave an array of {vectors.shape}, or values that are "
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
                    f"The token embedder {self.tokens.name} gave values that are not finite.",
                    hint="Check the model with `orchestrator doctor`.",
                )
            await asyncio.to_thread(token_buffer.extend, matrices)

    def close(self) -> None:
        """End the reading process."""
        if self.started is not None:
            self.started.close()


class _NoStores:
    """Where nobody moves an index: no other vector store."""

    def store(self, connector: str, index: str) -> VectorStore:
        """There is none."""
        raise self._none(connector)

    def writer(self, connector: str) -> IndexWriter:
        """There is none."""
        raise self._none(connector)

    def _none(self, connector: str) -> StoreError:
        return StoreError(f"The vector store {connector!r} is not known here.")
