"""The jobs that change an index without reading files: relabel, forget, merge, embed again, collect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.indexing.file_documents import embedded_text
from orchestrator.indexing.index_plan import stored_file
from orchestrator.indexing.job_ports import PassageEncoder, check_format, current_version, new_shard_name
from orchestrator.ports import (
    DocumentRow,
    IndexChange,
    IndexRegistry,
    Job,
    JobEffects,
    RunningJob,
    Shard,
    ShardRegistry,
    ShardWriter,
    SparseEncoder,
)

#: How many documents are read from the registry at once.
PAGE = 500


def relabel(job: Job, registry: IndexRegistry, shards: ShardWriter, running: RunningJob) -> None:
    """Give the documents of files other labels: their vectors are copied, not made again."""
    index = job.scope.name
    version = current_version(registry, index)
    labels = tuple(job.payload["labels"])
    files = list(job.payload["files"])  # never empty: without any, all documents of the root are meant
    documents = [
        replace(document, labels=labels)
        for page in pages(registry, index, root=job.payload["root"], files=files)
        for document in page
        if document.labels != labels
    ]
    count = sum(len(document.passages) for document in documents)
    shard = None
    if count:
        shard = shards.rewrite(index, new_shard_name(job, running, count), documents, version)
    rows = tuple(stored_file(row) for row in job.payload["before"].values())
    registry.publish(job, index, IndexChange(shard=shard, documents=tuple(documents), files=rows))


def forget(job: Job, registry: IndexRegistry) -> None:
    """Take files, or single documents by id, out of the index."""
    index, payload = job.scope.name, job.payload
    root, files = payload.get("root", ""), list(payload.get("files", ()))
    held = registry.document_hashes(index, root, files) if files else {}
    change = IndexChange(
        removed_documents=tuple(sorted({*held, *payload.get("documents", ())})),
        removed_files=tuple((root, file) for file in files),
    )
    registry.publish(job, index, change)


def merge(job: Job, registry: IndexRegistry, shards: ShardWriter, running: RunningJob) -> None:
    """Put one shard in the place of several."""
    index = job.scope.name
    version = current_version(registry, index)
    names = tuple(job.payload["shards"])
    points = sum(
        shard.points - len(version.removed.get(shard.name, ())) for shard in _named(version.shards, names)
    )
    name = new_shard_name(job, running, points)
    shard = shards.merge(index, name, names, version) if points else None
    registry.publish(job, index, IndexChange(shard=shard, merged=names, base=version.number))


async def embed_again(
    job: Job, registry: IndexRegistry, shards: ShardWriter, encoder: PassageEncoder, running: RunningJob
) -> JobEffects:
    """Write a shard of some of an index's documents with the models of now; nothing is published yet."""
    index = job.scope.name
    documents: list[DocumentRow] = []
    passages, last = 0, None
    for page in pages(registry, index, after=job.payload["after"]):
        documents += page
        last = page[-1].id
        passages += sum(len(document.passages) for document in page)
        if passages >= job.payload["passages"]:
            break
    made = await encoder.encode(documents)
    sparse = made.sparse
    effects: dict[str, object] = {"shard": None, "points": len(sparse), "last": last}
    if sparse:
        name = new_shard_name(job, running, len(sparse))
        build = shards.build
        shard = await asyncio.to_thread(build, index, name, documents, made.dense, sparse, made.tokens)
        if made.tokens is not None:
            made.tokens.close()
        effects |= {"shard": shard.name, "points": shard.points, "files": dict(shard.files)}
    running.count(passages=len(sparse))
    return JobEffects(effects)


def switch(
    job: Job,
    registry: IndexRegistry,
    encoder: PassageEncoder,
    sparse: SparseEncoder,
    running: RunningJob,
) -> None:
    """Publish what was embedded again, in the place of all that there was."""
    index = job.scope.name
    terms: dict[str, Sequence[int]] = {}
    if job.payload["terms"]:
        for page in pages(registry, index):
            texts = {p.id: embedded_text(document, p) for document in page for p in document.passages}
            vectors = sparse.passages(list(texts.values()))
            terms |= {passage: vector.indices for passage, vector in zip(texts, vectors, strict=True)}
    running.extend(600)
    registry.publish(
        job,
        index,
        IndexChange(
            format=encoder.format,
            shards=tuple(Shard(*shard) for shard in job.payload["shards"]),
            base=job.payload["base"],
            terms=terms,
        ),
    )


async def repair(
    job: Job, registry: IndexRegistry, shards: ShardWriter, encoder: PassageEncoder, running: RunningJob
) -> None:
    """Embed again what lies in shards that are damaged or gone; some documents at a time.

    They are published as they are, in a new shard, so that nothing in the damaged ones is alive any more.
    """
    index = job.scope.name
    check_format(registry, index, encoder.format)
    documents: list[DocumentRow] = []
    passages = 0
    for page in pages(registry, index, lying_in=job.payload["shards"]):
        documents += page
        passages += sum(len(document.passages) for document in page)
        if passages >= job.payload["passages"]:
            break
    made = await encoder.encode(documents)
    shard = None
    if made.sparse:
        name = new_shard_name(job, running, len(made.sparse))
        build = shards.build
        shard = await asyncio.to_thread(build, index, name, documents, made.dense, made.sparse, made.tokens)
    if made.tokens is not None:
        made.tokens.close()
    ids = [passage.id for document in documents for passage in document.passages]
    terms = {passage: vector.indices for passage, vector in zip(ids, made.sparse, strict=True)}
    change = IndexChange(shard=shard, documents=tuple(documents), terms=terms)
    await asyncio.to_thread(registry.publish, job, index, change)
    running.count(passages=passages)


def collect(job: Job, registry: IndexRegistry, held: ShardRegistry, shards: ShardWriter) -> JobEffects:
    """Delete the shards that nobody can be reading any more, and passages that nobody may cite."""
    grace: float = job.payload["shard_seconds"]
    keep = held.shards(job.scope.name, grace_seconds=grace)
    swept = shards.sweep(job.scope.name, keep, seconds=grace)
    purged = registry.collect(grace_seconds=job.payload["passage_seconds"])
    return JobEffects({"shards": swept, "passages": purged})


def pages(
    registry: IndexRegistry,
    index: str,
    *,
    root: str | None = None,
    files: Sequence[str] = (),
    lying_in: Sequence[str] = (),
    after: str = "",
) -> Iterator[list[DocumentRow]]:
    """Documents of an index by rising id, some at a time."""
    while page := registry.documents(
        index, root=root, files=files, lying_in=lying_in, after=after, limit=PAGE
    ):
        yield page
        after = page[-1].id


def _named(shards: Sequence[Shard], names: Sequence[str]) -> list[Shard]:
    return [shard for shard in shards if shard.name in names]
