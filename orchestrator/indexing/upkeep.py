"""The jobs that change an index without reading files: relabel, forget, merge, embed again, collect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from orchestrator.indexing.file_documents import embedded_text
from orchestrator.indexing.index_plan import stored_file
from orchestrator.indexing.job_ports import PassageEncoder, check_format, current_version, new_write_name
from orchestrator.ports import (
    DocumentRow,
    IndexChange,
    IndexRegistry,
    IndexWriter,
    Job,
    JobEffects,
    PassageVectors,
    RunningJob,
    SparseEncoder,
)

#: How many documents are read from the registry at once.
PAGE = 500


def relabel(job: Job, registry: IndexRegistry, writer: IndexWriter, running: RunningJob) -> None:
    """Give the documents of files other labels: their vectors are copied, not made again."""
    index = job.scope.name
    version = current_version(registry, index)
    labels = tuple(job.payload["labels"])
    files = list(job.payload["files"])  # never empty: without any, all documents of the root are meant
    documents = tuple(
        replace(document, labels=labels)
        for page in pages(registry, index, root=job.payload["root"], files=files)
        for document in page
        if document.labels != labels
    )
    count = sum(len(document.passages) for document in documents)
    rows = tuple(stored_file(row) for row in job.payload["before"].values())
    change = IndexChange(documents=documents, files=rows)
    name = new_write_name(job, running, count)
    writer.relabel(version, name, change, partial(registry.publish, job, index))


def forget(job: Job, registry: IndexRegistry, writer: IndexWriter, running: RunningJob) -> None:
    """Take files, or single documents by id, out of the index."""
    index, payload = job.scope.name, job.payload.read()
    root, files = payload.get("root", ""), list(payload.get("files", ()))
    held = registry.document_hashes(index, root, files) if files else {}
    change = IndexChange(
        removed_documents=tuple(sorted({*held, *payload.get("documents", ())})),
        removed_files=tuple((root, file) for file in files),
    )
    name = new_write_name(job, running, 0)
    writer.apply(index, name, change, None, partial(registry.publish, job, index))


def merge(job: Job, registry: IndexRegistry, writer: IndexWriter, running: RunningJob) -> None:
    """Do one of the merges that the store asks for."""
    index = job.scope.name
    version = current_version(registry, index)
    name = new_write_name(job, running, job.payload["passages"])
    writer.merge(version, name, dict(job.payload), partial(registry.publish, job, index))


async def embed_again(
    job: Job, registry: IndexRegistry, writer: IndexWriter, encoder: PassageEncoder, running: RunningJob
) -> JobEffects:
    """Write some of an index's documents with the models of now; nothing is published yet."""
    index = job.scope.name
    documents, last = batch_of_documents(registry, index, job.payload["after"], job.payload["passages"])
    made = await encoder.encode(documents)
    staged: dict[str, object] | None = None
    if made.sparse:
        name = new_write_name(job, running, len(made.sparse))
        vectors = PassageVectors(made.dense, made.sparse, made.tokens)
        staged = dict(await asyncio.to_thread(writer.stage, index, name, documents, vectors))
    if made.tokens is not None:
        made.tokens.close()
    running.count(passages=len(made.sparse))
    return JobEffects.of({"staged": staged, "passages": len(made.sparse), "last": last})


def switch(
    job: Job,
    registry: IndexRegistry,
    writer: IndexWriter,
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
    change = IndexChange(format=encoder.format, base=job.payload["base"], terms=terms)
    writer.switch(index, change, job.payload["staged"], partial(registry.publish, job, index))


async def repair(
    job: Job, registry: IndexRegistry, writer: IndexWriter, encoder: PassageEncoder, running: RunningJob
) -> None:
    """Embed again what lies in places that are damaged or gone; some documents at a time.

    They are published as they are, so that nothing in the damaged places is alive any more.
    """
    index = job.scope.name
    check_format(registry, index, encoder.format)
    documents: list[DocumentRow] = []
    passages = 0
    for page in damaged_pages(writer, index, job.payload["places"]):
        documents += page
        passages += sum(len(document.passages) for document in page)
        if passages >= job.payload["passages"]:
            break
    made = await encoder.encode(documents)
    ids = [passage.id for document in documents for passage in document.passages]
    terms = {passage: vector.indices for passage, vector in zip(ids, made.sparse, strict=True)}
    change = IndexChange(documents=tuple(documents), terms=terms)
    vectors = PassageVectors(made.dense, made.sparse, made.tokens) if made.sparse else None
    name = new_write_name(job, running, len(made.sparse))
    publish = partial(registry.publish, job, index)
    await asyncio.to_thread(writer.apply, index, name, change, vectors, publish)
    if made.tokens is not None:
        made.tokens.close()
    running.count(passages=passages)


def collect(job: Job, registry: IndexRegistry, writer: IndexWriter) -> JobEffects:
    """Delete from the store what nobody can be reading any more, and passages that nobody may cite."""
    swept = writer.collect(job.scope.name, seconds=job.payload["store_seconds"])
    purged = registry.collect(grace_seconds=job.payload["passage_seconds"])
    return JobEffects.of({"collected": list(swept), "passages": purged})


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


def batch_of_documents(
    registry: IndexRegistry, index: str, after: str, passages: int
) -> tuple[list[DocumentRow], str | None]:
    """Documents from after an id, of so many passages and a page more; and the last id, None for none."""
    documents: list[DocumentRow] = []
    found, last = 0, None
    for page in pages(registry, index, after=after):
        documents += page
        last = page[-1].id
        found += sum(len(document.passages) for document in page)
        if found >= passages:
            break
    return documents, last


def damaged_pages(writer: IndexWriter, index: str, places: Sequence[str]) -> Iterator[Sequence[DocumentRow]]:
    """Documents that may lie in damaged places of the store, by rising id, some at a time."""
    after = ""
    while page := writer.damaged_documents(index, places, after=after, limit=PAGE):
        yield page
        after = page[-1].id
