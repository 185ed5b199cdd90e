"""The jobs that change an index without reading files: relabel, forget, merge, embed again, collect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.indexing.building import stored_file
from orchestrator.indexing.context import Workshop
from orchestrator.indexing.file_documents import embedded_text
from orchestrator.ports import Catalogue, DocumentRow, IndexChange, Job, Shard

#: How many documents are read from the catalogue at once.
PAGE = 500


async def relabel(job: Job, workshop: Workshop) -> None:
    """Give the documents of files other labels: their vectors are copied, not made anew."""
    await asyncio.to_thread(_relabel, job, workshop)


def _relabel(job: Job, workshop: Workshop) -> None:
    version = workshop.version(job.index)
    labels = tuple(job.payload["labels"])
    files = list(job.payload["files"])  # never empty: without any, all documents of the root are meant
    documents = [
        replace(document, labels=labels)
        for page in pages(workshop.catalogue, job.index, root=job.payload["root"], files=files)
        for document in page
        if document.labels != labels
    ]
    count = sum(len(document.passages) for document in documents)
    shard = None
    if count:
        shard = workshop.shards.rewrite(job.index, workshop.shard_name(job, count), documents, version)
    rows = tuple(stored_file(row) for row in job.payload["before"].values())
    workshop.catalogue.publish(
        job, job.index, IndexChange(shard=shard, documents=tuple(documents), files=rows)
    )


async def forget(job: Job, workshop: Workshop) -> None:
    """Take files, or single documents by id, out of the index."""
    payload = job.payload
    root, files = payload.get("root", ""), list(payload.get("files", ()))
    held = workshop.catalogue.document_hashes(job.index, root, files) if files else {}
    change = IndexChange(
        removed_documents=tuple(sorted({*held, *payload.get("documents", ())})),
        removed_files=tuple((root, file) for file in files),
    )
    await asyncio.to_thread(workshop.catalogue.publish, job, job.index, change)


async def merge(job: Job, workshop: Workshop) -> None:
    """Put one shard in the place of several."""
    await asyncio.to_thread(_merge, job, workshop)


def _merge(job: Job, workshop: Workshop) -> None:
    version = workshop.version(job.index)
    names = tuple(job.payload["shards"])
    points = sum(
        shard.points - len(version.removed.get(shard.name, ())) for shard in _named(version.shards, names)
    )
    name = workshop.shard_name(job, points)
    shard = workshop.shards.merge(job.index, name, names, version) if points else None
    workshop.catalogue.publish(job, job.index, IndexChange(shard=shard, merged=names, base=version.number))


async def embed_again(job: Job, workshop: Workshop) -> None:
    """Write a shard of some of an index's documents with the models of now; nothing is published yet."""
    documents: list[DocumentRow] = []
    passages, last = 0, None
    for page in pages(workshop.catalogue, job.index, after=job.payload["after"]):
        documents += page
        last = page[-1].id
        passages += sum(len(document.passages) for document in page)
        if passages >= job.payload["passages"]:
            break
    made = await workshop.encode(documents)
    sparse = made.sparse
    effects: dict[str, object] = {"shard": None, "points": len(sparse), "last": last}
    if sparse:
        name = workshop.shard_name(job, len(sparse))
        build = workshop.shards.build
        shard = await asyncio.to_thread(build, job.index, name, documents, made.dense, sparse, made.tokens)
        if made.tokens is not None:
            made.tokens.close()
        effects |= {"shard": shard.name, "points": shard.points}
    workshop.ledger.finish(job, effects)
    workshop.progress(0, len(sparse))


async def switch(job: Job, workshop: Workshop) -> None:
    """Publish what was embedded again, in the place of all that there was."""
    await asyncio.to_thread(_switch, job, workshop)


def _switch(job: Job, workshop: Workshop) -> None:
    terms: dict[str, Sequence[int]] = {}
    if job.payload["terms"]:
        for page in pages(workshop.catalogue, job.index):
            texts = {p.id: embedded_text(document, p) for document in page for p in document.passages}
            vectors = workshop.sparse.passages(list(texts.values()))
            terms |= {passage: vector.indices for passage, vector in zip(texts, vectors, strict=True)}
    workshop.ledger.renew(job, seconds=600)
    workshop.catalogue.publish(
        job,
        job.index,
        IndexChange(
            format=workshop.format,
            shards=tuple(Shard(name, points) for name, points in job.payload["shards"]),
            base=job.payload["base"],
            terms=terms,
        ),
    )


async def collect(job: Job, workshop: Workshop) -> None:
    """Delete the shards that nobody can be reading any more, and passages that nobody may cite."""
    await asyncio.to_thread(_collect, job, workshop)


def _collect(job: Job, workshop: Workshop) -> None:
    grace: float = job.payload["shard_seconds"]
    keep = workshop.catalogue.shards(job.index, grace_seconds=grace)
    swept = workshop.shards.sweep(job.index, keep, seconds=grace)
    purged = workshop.catalogue.collect(grace_seconds=job.payload["passage_seconds"])
    workshop.ledger.finish(job, {"shards": swept, "passages": purged})


def pages(
    catalogue: Catalogue, index: str, *, root: str | None = None, files: Sequence[str] = (), after: str = ""
) -> Iterator[list[DocumentRow]]:
    """Documents of an index by rising id, some at a time."""
    while page := catalogue.documents(index, root=root, files=files, after=after, limit=PAGE):
        yield page
        after = page[-1].id


def _named(shards: Sequence[Shard], names: Sequence[str]) -> list[Shard]:
    return [shard for shard in shards if shard.name in names]
