"""Ports of indexing jobs, beside those of the library, and shared functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.errors import IndexMismatch, StoreError
from orchestrator.indexing.token_buffer import TokenBuffer
from orchestrator.ports import (
    DocumentRow,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    Job,
    RunningJob,
    SparseVector,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.indexing.remote_files import SourceReader

#: Seconds that writing one passage into the store may take, at most; it may hold the interpreter.
WRITING = 0.005
#: How many passages are embedded at once.
BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Vectors of passages: dense ones, shape (passages, dimensions), sparse ones, matrices of tokens."""

    dense: NDArray[np.float32]
    sparse: list[SparseVector]
    tokens: TokenBuffer | None


@runtime_checkable
class PassageEncoder(Protocol):
    """Gives passages the vectors that an index of its `format` holds."""

    @property
    def format(self) -> IndexFormat: ...

    def warm_up(self) -> None:
        """Load the embedder in the background."""
        ...

    def token_buffer(self) -> TokenBuffer | None:
        """A buffer for token vectors until their shard is written; None if the index keeps none."""
        ...

    async def encode(
        self, documents: Sequence[DocumentRow], token_buffer: TokenBuffer | None = None
    ) -> Encoded:
        """The vectors of all passages in order; token matrices are appended to `token_buffer`, if given."""
        ...


@runtime_checkable
class ReaderSource(Protocol):
    """Gives the process that reads files, which is started when it is first asked for."""

    @property
    def reader(self) -> SourceReader: ...


def current_version(registry: IndexRegistry, index: str) -> IndexVersion:
    """The index as it is now; StoreError if there is none."""
    version = registry.current(index)
    if version is None:
        raise StoreError(f"There is no index {index!r}.", hint="Add something to it first.")
    return version


def check_format(registry: IndexRegistry, index: str, format: IndexFormat) -> None:
    """Raise IndexMismatch if an index is made with other models than these."""
    version = current_version(registry, index)
    if version.format != format:
        raise IndexMismatch(
            f"The index {index!r} is made with {version.format.embedder} and {version.format.sparse}, "
            f"and this worker with {format.embedder} and {format.sparse}.",
            hint=f"Set the same models, or `orchestrator index rebuild --index {index}`.",
        )


def new_write_name(job: Job, running: RunningJob, passages: int) -> str:
    """The name of what a job is about to write to the store; its lease now lasts until that is written."""
    if passages:
        running.extend(WRITING * passages)
    return f"{job.id}-{job.fence}"
