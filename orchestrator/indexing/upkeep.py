"""The jobs that change an index without reading files: relabel, forget, merge, embed again, collect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.indexing.building import stored_file
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import embedded_text
from orchestrator.ports import DocumentRow, IndexChange, IndexRegistry, Job, Shard

#: How many documents are read from the registry at once.
PAGE = 500


async def relabel(job: Job, context: IndexingContext) -> None:
    """Give the documents of files other labels: their vectors are copied, not made anew."""
    await asyncio.to_thread(_relabel, job, context)


def _relabel(job: Job, context: IndexingContext) -> None:
    version = context.version(job.index)
    labels = tuple(job.payload["labels"])
    files = list(job.payload["files"])  # never empty: without any, all documents of the root are meant
    documents = [
        replace(document, labels=labels)
        for page in pages(context.registry, job.index, root=job.payload["root"], files=files)
        for document in page
        if document.labels != labels
    ]
    count = sum(len(document.passages) for document in documents)
    shard = None
    if count:
        shard = context.shards.rewrite(job.index, context.shard_name(job, count), documents, version)
    rows = tuple(stored_file(row) for row in job.payload["before"].values())
    context.registry.publish(job, job.index, IndexChange(shard=shard, documents=tuple(documents), files=rows))


async def forget(job: Job, context: IndexingContext) -> None:
    """Take files, or single documents by id, out of the index."""
    payload = job.payload
    root, files = payload.get("root", ""), list(payload.get("files", ()))
    held = context.registry.document_hashes(job.index, root, files) if files else {}
    change = IndexChange(
        removed_documents=tuple(sorted({*held, *payload.get("documents", ())})),
        removed_files=tuple((root, file) for file in files),
    )
    await asyncio.to_thread(context.registry.publish, job, job.index, change)


async def merge(job: Job, context: IndexingContext) -> None:
    """Put one shard in the place of several."""
    await asyncio.to_thread(_merge, job, context)


def _merge(job: Job, context: IndexingContext) -> None:
    version = context.version(job.index)
    names = tuple(job.payload["shards"])
    points = sum(
        shard.points - len(version.removed.get(shard.name, ())) for shard in _named(version.shards, names)
    )
    name = context.shard_name(job, points)
    shard = context.shards.merge(job.index, name, names, version) if points else None
    context.registry.publish(job, job.index, IndexChange(shard=shard, merged=names, base=version.number))


async def embed_again(job: Job, context: IndexingContext) -> None:
    """Write a shard of some of an index's documents with the models of now; nothing is published yet."""
    documents: list[DocumentRow] = []
    passages, last = 0, None
    for page in pages(context.registry, job.index, after=job.payload["after"]):
        documents += page
        last = page[-1].id
        passages += sum(len(document.passages) for document in page)
        if passages >= job.payload["passages"]:
            break
    made = await context.encode(documents)
    sparse = made.sparse
    effects: dict[str, object] = {"shard": None, "points": len(sparse), "last": last}
    if sparse:
        name = context.shard_name(job, len(sparse))
        build = context.shards.build
        shard = await asyncio.to_thread(build, job.index, name, documents, made.dense, sparse, made.tokens)
        if made.tokens is not None:
            made.tokens.close()
        effects |= {"shard": shard.name, "points": shard.points}
    context.ledger.finish(job, effects)
    context.progress(0, len(sparse))


async def switch(job: Job, context: IndexingContext) -> None:
    """Publish what was embedded again, in the place of all that there was."""
    await asyncio.to_thread(_switch, job, context)


def _switch(job: Job, context: IndexingContext) -> None:
    terms: dict[str, Sequence[int]] = {}
    if job.payload["terms"]:
        for page in pages(context.registry, job.index):
            texts = {p.id: embedded_text(document, p) for document in page for p in document.passages}
            vectors = context.sparse.passages(list(texts.values()))
            terms |= {passage: vector.indices for passage, vector in zip(texts, vectors, strict=True)}
    context.ledger.renew(job, seconds=600)
    context.registry.publish(
        job,
        job.index,
        IndexChange(
            format=context.format,
            shards=tuple(Shard(name, points) for name, points in job.payload["shards"]),
            base=job.payload["base"],
            terms=terms,
        ),
    )


async def collect(job: Job, context: IndexingContext) -> None:
    """Delete the shards that nobody can be reading any more, and passages that nobody may cite."""
    await asyncio.to_thread(_collect, job, context)


def _collect(job: Job, context: IndexingContext) -> None:
    grace: float = job.payload["shard_seconds"]
    keep = context.registry.shards(job.index, grace_seconds=grace)
    swept = context.shards.sweep(job.index, keep, seconds=grace)
    purged = context.registry.collect(grace_seconds=job.payload["passage_seconds"])
    context.ledger.finish(job, {"shards": swept, "passages": purged})


def pages(
    registry: IndexRegistry,
    index: str,
    *,
    root: str | None = None,
    files: Sequence[str] = (),
    after: str = "",
) -> Iterator[list[DocumentRow]]:
    """Documents of an index by rising id, some at a time."""
    while page := registry.documents(index, root=root, files=files, after=after, limit=PAGE):
        yield page
        after = page[-1].id


def _named(shards: Sequence[Shard], names: Sequence[str]) -> list[Shard]:
    return [shard for shard in shards if shard.name in names]
