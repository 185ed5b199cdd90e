"""The job that copies vectors of an index from one vector store to another."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.indexing.file_documents import embedded_text
from orchestrator.indexing.job_ports import PassageEncoder, check_format, new_write_name
from orchestrator.indexing.upkeep import batch_of_documents
from orchestrator.ports import (
    DocumentRow,
    IndexRegistry,
    IndexWriter,
    Job,
    JobEffects,
    PassageVectors,
    RunningJob,
    SparseEncoder,
    SparseVector,
    VectorStore,
)
from orchestrator.types import Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Stores(Protocol):
    """The vector stores of all connectors, by the name of the connector."""

    def store(self, connector: str, index: str) -> VectorStore:
        """What searches an index there."""
        ...

    def writer(self, connector: str) -> IndexWriter:
        """What writes indexes there."""
        ...


async def copy_vectors(
    job: Job,
    registry: IndexRegistry,
    writer: IndexWriter,
    encoder: PassageEncoder,
    sparse: SparseEncoder,
    stores: Stores,
    running: RunningJob,
) -> JobEffects:
    """Write some of an index's documents with the vectors that another store has; nothing is published yet.

    Terms are counted again. What the other store lacks is embedded again, and so are the documents of an
    index that keeps the vectors of tokens, which stores do not give back.
    """
    index = job.scope.name
    check_format(registry, index, encoder.format)
    documents, last = batch_of_documents(registry, index, job.payload["after"], job.payload["passages"])
    count = sum(len(document.passages) for document in documents)
    staged: dict[str, object] | None = None
    if count:
        if encoder.format.tokens:
            made = await encoder.encode(documents)
            vectors = PassageVectors(made.dense, made.sparse, made.tokens)
        else:
            source = stores.store(job.payload["source"], index)
            vectors = await _copied(documents, source, encoder, sparse)
        name = new_write_name(job, running, count)
        staged = dict(await asyncio.to_thread(writer.stage, index, name, documents, vectors))
    running.count(passages=count)
    return JobEffects.of({"staged": staged, "passages": count, "last": last})


async def _copied(
    documents: Sequence[DocumentRow], source: VectorStore, encoder: PassageEncoder, sparse: SparseEncoder
) -> PassageVectors:
    import numpy as np

    held = await _held(documents, source)
    lacking = [row for row in documents if any(passage.id not in held for passage in row.passages)]
    if lacking:
        made = await encoder.encode(lacking)
        ids = [passage.id for row in lacking for passage in row.passages]
        held |= dict(zip(ids, made.dense, strict=True))
    dense = np.stack([held[passage.id] for row in documents for passage in row.passages])
    texts = [embedded_text(row, passage) for row in documents for passage in row.passages]
    terms: list[SparseVector] = await asyncio.to_thread(sparse.passages, texts)
    return PassageVectors(dense, terms)


async def _held(documents: Sequence[DocumentRow], source: VectorStore) -> dict[str, NDArray[np.float32]]:
    """The vectors that a store has of documents, for whoever may read them."""
    ids: dict[str, list[str]] = defaultdict(list)
    grants: dict[str, set[str]] = defaultdict(set)
    for row in documents:
        ids[row.tenant] += [passage.id for passage in row.passages]
        grants[row.tenant] |= set(row.labels)
    found: dict[str, NDArray[np.float32]] = {}
    for tenant, wanted in ids.items():
        found |= await source.vectors(wanted, principal=Principal(tenant, frozenset(grants[tenant])))
    return found
