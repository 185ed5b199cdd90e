"""The job that reads files into an index."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING

from orchestrator.indexing.file_documents import Place, Recipe
from orchestrator.indexing.index_plan import stored_file
from orchestrator.indexing.isolated_reading import (
    FileFailed,
    FileRead,
    FileRows,
    FileStarted,
    Limits,
    ReadEvent,
    ReadRequest,
)
from orchestrator.indexing.job_ports import (
    BATCH,
    PassageEncoder,
    ReaderSource,
    check_format,
    new_write_name,
)
from orchestrator.indexing.remote_files import SourceReader
from orchestrator.indexing.splitting import Splitting
from orchestrator.indexing.token_buffer import TokenBuffer
from orchestrator.jobs.job_run import DIED, job_key, worker_died
from orchestrator.ports import (
    DocumentRow,
    FileRow,
    IndexChange,
    IndexRegistry,
    IndexWriter,
    Job,
    Ledger,
    PassageVectors,
    RunningJob,
    SparseVector,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The attempt on which a file that keeps killing its worker is given up.
LAST_ATTEMPT = 3
#: How many messages of the reader may wait while passages are embedded: a few megabytes of text.
_AHEAD = 32
#: Passages of the first batch: the embedder starts while the others are still being read.
_FIRST = 256


@dataclass(eq=False)
class _File:
    """One reading of a file: the documents it turned out to hold, and whether it came to its end."""

    ids: set[str] = field(default_factory=set[str])
    whole: bool = False


@dataclass
class _Built:
    """What a job has so far, each document with the reading that it came from."""

    documents: list[tuple[_File, DocumentRow]] = field(default_factory=list[tuple[_File, DocumentRow]])
    dense: list[NDArray[np.float32]] = field(default_factory=list["NDArray[np.float32]"])
    sparse: list[SparseVector] = field(default_factory=list[SparseVector])
    waiting: list[DocumentRow] = field(default_factory=list[DocumentRow])
    passages: int = 0
    tokens: TokenBuffer | None = None

    def take(self, file: _File, rows: FileRows) -> None:
        file.ids.update(rows.unchanged, (document.id for document in rows.changed))
        self.documents += [(file, document) for document in rows.changed]
        self.waiting += rows.changed
        self.passages += sum(len(document.passages) for document in rows.changed)

    async def embed(self, encoder: PassageEncoder, running: RunningJob) -> None:
        if self.tokens is None:
            self.tokens = encoder.token_buffer()
        made = await encoder.encode(self.waiting, self.tokens)
        self.dense.append(made.dense)
        self.sparse += made.sparse
        self.waiting = []
        running.count(passages=len(made.sparse))
        self.passages = 0


async def read_files(
    job: Job,
    ledger: Ledger,
    registry: IndexRegistry,
    writer: IndexWriter,
    encoder: PassageEncoder,
    source: ReaderSource,
    running: RunningJob,
) -> None:
    """Read, split, embed and publish a job's files; one that cannot be read is published with its reason.

    What the index has of such a file stays: it may only be half written, or locked, for a moment.
    """
    if worker_died(job) and not await asyncio.to_thread(_after_death, job, ledger, registry):
        return
    check_format(registry, job.scope.name, encoder.format)
    request = read_request(job, registry)
    if request.files:
        encoder.warm_up()
    before = {name: stored_file(row) for name, row in job.payload["before"].items()}
    built = _Built()
    files: list[FileRow] = []
    notes: list[tuple[str, str, bool]] = []
    seen: set[str] = set()
    async with aclosing(_events(source.reader, request)) as events:
        reading = _File()
        async for event in events:
            if isinstance(event, FileStarted):
                reading = _File()
            elif isinstance(event, FileRows):
                built.take(reading, event)
                if built.passages >= (BATCH if built.dense else _FIRST):
                    await built.embed(encoder, running)
            elif isinstance(event, FileRead):
                reading.whole = True
                seen |= reading.ids
                files.append(_read(event, request.place))
                notes += ((event.file, note.text, note.lost) for note in event.notes)
                running.count(files=1)
            else:
                files.append(_failed(event, request.place, before.get(event.file)))
                running.count(files=1)
    await built.embed(encoder, running)
    publishing = (job, registry, writer, running, request.place, built, files, notes, seen)
    await asyncio.to_thread(_publish, *publishing)


def read_request(job: Job, registry: IndexRegistry) -> ReadRequest:
    """What a job's payload asks the reader for."""
    payload = job.payload.read()
    place = Place(job.scope.name, payload["tenant"], payload["root"], tuple(payload["labels"]))
    files = tuple(payload["files"])
    known = registry.document_hashes(place.index, place.root, files)
    recipe = Recipe(Splitting(**payload["splitting"]), payload["readers"])
    return ReadRequest(place, files, recipe, frozenset(known.items()), Limits(**payload["limits"]))


def _after_death(job: Job, ledger: Ledger, registry: IndexRegistry) -> bool:
    """What to do differently since a worker died on these files; whether to go on with them."""
    payload = job.payload.read()
    files: list[str] = payload["files"]
    if len(files) > 1:
        # One of them may be the cause: each gets a job, and attempts, of its own.
        lock = job.key.rpartition(":")[0]
        for file in files:
            known = {name: row for name, row in payload["before"].items() if name == file}
            alone = {**payload, "files": [file], "before": known}
            ledger.submit(job.kind, job.scope, job_key(lock, job.kind, alone), alone)
        ledger.finish(job, {"split": len(files)})
        return False
    if job.attempt < LAST_ATTEMPT:
        return True
    row = payload["before"].get(files[0])
    known = (
        stored_file(row)
        if row
        else FileRow(payload["root"], files[0], "", 0, tuple(payload["labels"]), tenant=payload["tenant"])
    )
    reason = f"{(job.error or DIED).rstrip('.')} each time that it was indexed."
    registry.publish(job, job.scope.name, IndexChange(files=(replace(known, error=reason),)))
    return False


def _publish(
    job: Job,
    registry: IndexRegistry,
    writer: IndexWriter,
    running: RunningJob,
    place: Place,
    built: _Built,
    files: list[FileRow],
    notes: list[tuple[str, str, bool]],
    seen: set[str],
) -> None:
    import numpy as np

    whole = [row.file for row in files if row.error is None]
    held = registry.document_hashes(place.index, place.root, whole)
    documents = [document for file, document in built.documents if file.whole]
    keep = [file.whole for file, document in built.documents for _ in document.passages]
    dense, sparse = np.concatenate(built.dense), built.sparse
    if not all(keep):
        dense, sparse = dense[np.array(keep, bool)], list(compress(sparse, keep))
        if built.tokens is not None:
            built.tokens.keep(keep)
    passages = [passage.id for document in documents for passage in document.passages]
    change = IndexChange(
        documents=tuple(documents),
        removed_documents=tuple(sorted(held.keys() - seen)),
        files=tuple(files),
        notes=tuple(notes),
        terms={passage: vector.indices for passage, vector in zip(passages, sparse, strict=True)},
    )
    vectors = PassageVectors(dense, sparse, built.tokens) if sparse else None
    name = new_write_name(job, running, len(sparse))
    try:
        writer.apply(place.index, name, change, vectors, partial(registry.publish, job, place.index))
    finally:
        if built.tokens is not None:
            built.tokens.close()


def _read(event: FileRead, place: Place) -> FileRow:
    return FileRow(
        root=place.root,
        file=event.file,
        hash=event.hash,
        size=event.size,
        labels=place.labels,
        documents=event.documents,
        passages=event.passages,
        tenant=place.tenant,
    )


def _failed(event: FileFailed, place: Place, before: FileRow | None) -> FileRow:
    known = before or FileRow(place.root, event.file, "", 0, place.labels, tenant=place.tenant)
    return replace(known, error=event.reason)


async def _events(reader: SourceReader, request: ReadRequest) -> AsyncGenerator[ReadEvent]:
    """The reader's events, received in a thread, so that it goes on reading while others are embedded."""
    events: queue.Queue[ReadEvent | BaseException | None] = queue.Queue(_AHEAD)
    given_up = threading.Event()

    def put(event: ReadEvent | BaseException | None) -> None:
        while not given_up.is_set():
            try:
                events.put(event, timeout=0.2)
            except queue.Full:
                continue
            return

    def receive() -> None:
        try:
            for event in reader.read(request):
                put(event)
                if given_up.is_set():
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    try:
        while (event := await asyncio.to_thread(events.get)) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        given_up.set()
        if thread.is_alive():
            # It may be in the middle of a message: this reader is of no use any more.
            reader.close()
