"""The job that takes passages with their vectors from a Parquet file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.indexing.file_documents import Place, digest, document_id, embedded_text
from orchestrator.indexing.files import resolve_root
from orchestrator.indexing.index_plan import JOB_PASSAGES, canonical
from orchestrator.indexing.job_ports import PassageEncoder, check_format, new_write_name
from orchestrator.indexing.parquet import ImportedDocument, PassageFile
from orchestrator.ports import (
    FileRow,
    IndexChange,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    Job,
    PassageVectors,
    RunningJob,
    SparseEncoder,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many passages of a job are embedded as well, and may differ by so much: models round differently.
_SAMPLE, _ALIKE = 4, 0.95


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of `Indexer.import_vectors`: `imported` documents are new or changed."""

    index: str
    file: str
    version: int
    imported: int
    removed: int
    documents: int
    passages: int
    seconds: float


def import_jobs(path: str | Path, labels: tuple[str, ...], tenant: str) -> tuple[list[dict[str, Any]], int]:
    """The payloads of the jobs that import a file, and how many passages it has; BadInput if it is unfit."""
    file = PassageFile(resolve_root(path))
    # Before anything is written: parts that have rows of one document would replace each other's.
    file.names()
    parts = file.parts(JOB_PASSAGES)
    given = {"file": str(file.path), "labels": list(canonical(labels)), "tenant": tenant}
    # The last one also removes what is no longer in the file.
    return [{**given, "part": list(part), "last": part == parts[-1]} for part in parts], file.passages


def import_report(
    jobs: Sequence[Mapping[str, Any]], done: Sequence[Job], version: IndexVersion, seconds: float
) -> ImportReport:
    """What the jobs of a file did together."""
    effects = [job.effects.read() for job in done if job.effects is not None]
    return ImportReport(
        version.index,
        jobs[0]["file"],
        version.number,
        sum(each["documents"] for each in effects),
        sum(each["removed_documents"] for each in effects),
        version.documents,
        version.passages,
        seconds,
    )


async def import_passages(
    job: Job,
    registry: IndexRegistry,
    writer: IndexWriter,
    encoder: PassageEncoder,
    sparse: SparseEncoder,
    running: RunningJob,
) -> None:
    """Publish the documents of some rows that are new or changed; the last job removes what is gone."""
    index, payload = job.scope.name, job.payload.read()
    check_format(registry, index, encoder.format)
    file = PassageFile(Path(payload["file"]))
    place = Place(index, payload["tenant"], payload["file"], tuple(payload["labels"]))
    known = registry.document_hashes(index, place.root, [file.path.name])
    begin, end = payload["part"]
    found = file.documents(place, begin, end, encoder.format.dimensions)
    changed = await asyncio.to_thread(
        lambda: [each for each in found if known.get(each.row.id) != each.row.hash]
    )
    vectors = await _encoded(changed, encoder, sparse)
    change = _change(file, place, payload, known, changed, vectors)
    count = sum(len(each.row.passages) for each in changed)
    running.count(passages=count)
    name = new_write_name(job, running, count)
    publish = partial(registry.publish, job, index)
    await asyncio.to_thread(writer.apply, index, name, change, vectors, publish)


def _change(
    file: PassageFile,
    place: Place,
    payload: dict[str, Any],
    known: dict[str, str],
    changed: list[ImportedDocument],
    vectors: PassageVectors | None,
) -> IndexChange:
    ids = [passage.id for each in changed for passage in each.row.passages]
    terms = {
        passage: vector.indices
        for passage, vector in zip(ids, vectors.sparse if vectors else (), strict=True)
    }
    files: tuple[FileRow, ...] = ()
    removed: tuple[str, ...] = ()
    if payload["last"]:
        names = file.names()
        there = {document_id(place, f"{file.path}#{name}") for name in names}
        removed = tuple(sorted(known.keys() - there))
        told = file.path.stat()
        files = (
            FileRow(
                place.root,
                file.path.name,
                digest(f"import {told.st_size} {told.st_mtime_ns}"),
                told.st_size,
                place.labels,
                len(names),
                file.passages,
                tenant=place.tenant,
            ),
        )
    rows = tuple(each.row for each in changed)
    return IndexChange(documents=rows, removed_documents=removed, files=files, terms=terms)


async def _encoded(
    changed: list[ImportedDocument], encoder: PassageEncoder, sparse: SparseEncoder
) -> PassageVectors | None:
    """The vectors of the file, with the terms of the texts; BadInput if another model made them."""
    import numpy as np

    rows = [each.row for each in changed]
    texts = [embedded_text(row, passage) for row in rows for passage in row.passages]
    if not texts:
        return None
    dense = np.concatenate([each.vectors for each in changed])
    if encoder.format.tokens:
        made = await encoder.encode(rows)
        _compare(made.dense, dense, encoder.format.embedder)
        return PassageVectors(dense, made.sparse, made.tokens)
    sample = rows[:: max(1, len(rows) // _SAMPLE)][:_SAMPLE]
    places = {passage.id: place for place, passage in enumerate(p for row in rows for p in row.passages)}
    made = await encoder.encode(sample)
    held = dense[[places[passage.id] for row in sample for passage in row.passages]]
    _compare(made.dense, held, encoder.format.embedder)
    return PassageVectors(dense, await asyncio.to_thread(sparse.passages, texts))


def _compare(made: NDArray[np.float32], given: NDArray[np.float32], embedder: str) -> None:
    import numpy as np

    alike = float(np.median((made * given).sum(axis=1)))
    if alike < _ALIKE:
        raise BadInput(
            f"The vectors of the file are not those of the embedder {embedder}: their cosine with what it "
            f"makes of the same texts is {alike:.2f}.",
            hint="Embed title and text, with a line break between, by the index's embedder as passages.",
        )
