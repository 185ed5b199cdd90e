"""What adding a folder would do: files are read and split, and nothing is embedded or written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.indexing import index_plan as planning
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.file_documents import Place, Recipe
from orchestrator.indexing.files import SkippedFile
from orchestrator.indexing.isolated_reading import (
    FileRead,
    FileRows,
    FileStarted,
    Limits,
    ReadRequest,
)
from orchestrator.indexing.locations import Location
from orchestrator.indexing.remote_files import scan_target
from orchestrator.ports import FileRow


@dataclass(frozen=True, slots=True)
class DryRun:
    """What `Indexer.add` would do now: documents added or changed, with their `chunks`, and those removed.

    Each chunk is embedded, and so are those of damaged places of the store, which are repaired first:
    `embeddings` counts both. No model is asked otherwise. `relabelled` and `unchanged` count files. `edits`
    are documents that trees take in or give up, a changed one counts twice; `placed` the chunks taken in.
    """

    index: str
    root: str
    documents: int = 0
    removed: int = 0
    chunks: int = 0
    embeddings: int = 0
    model_calls: int = 0
    relabelled: int = 0
    unchanged: int = 0
    edits: int = 0
    placed: int = 0
    skipped: tuple[SkippedFile, ...] = ()


@dataclass
class _Counts:
    documents: int = 0
    known: int = 0
    chunks: int = 0
    removed: int = 0
    failed: list[SkippedFile] = field(default_factory=list[SkippedFile])


def dry_run(
    context: IndexingContext,
    index: str,
    path: Location,
    labels: Sequence[str] | None,
    tenant: str,
    recipe: Recipe,
    limits: Limits,
) -> DryRun:
    """What adding a path would do; it is read as the job would read it."""
    registry = context.registry
    rows = registry.files(index)
    given = planning.target(path, tenant, rows)
    found = scan_target(given, recipe, limits, context.sources)
    plan = planning.compare(found, rows, given, recipe, labels)
    counts = _Counts()
    for payload in planning.read_jobs(plan, recipe, limits):
        place = Place(index, tenant, payload["root"], tuple(payload["labels"]))
        _read(context, place, payload["files"], recipe, limits, counts)
    counts.removed += _held(context, index, plan.removed)
    version = registry.current(index)
    damaged = context.writer.damaged(version) if version is not None else ()
    # What is relabelled leaves one tree for another, and what is damaged is published again.
    moved = [plan.before[file] for file in plan.relabelled]
    lost = sum(each.passages for each in damaged)
    edits = counts.documents + counts.known + counts.removed
    return DryRun(
        index=index,
        root=str(path),
        documents=counts.documents,
        removed=counts.removed,
        chunks=counts.chunks,
        embeddings=counts.chunks + lost,
        relabelled=len(plan.relabelled),
        unchanged=len(plan.unchanged),
        edits=edits + 2 * (sum(row.documents for row in moved) + lost),
        placed=counts.chunks + sum(row.passages for row in moved) + lost,
        skipped=tuple(sorted((*plan.skipped, *counts.failed), key=lambda file: file.file)),
    )


def _read(
    context: IndexingContext, place: Place, files: list[str], recipe: Recipe, limits: Limits, counts: _Counts
) -> None:
    """Count what reading these files gives; a file that breaks off gives nothing, as in the job."""
    known = context.registry.document_hashes(place.index, place.root, files)
    request = ReadRequest(place, tuple(files), recipe, frozenset(known.items()), limits)
    seen: set[str] = set()
    whole: list[str] = []
    ids: set[str] = set()
    documents = replaced = chunks = 0
    for event in context.reader.read(request):
        if isinstance(event, FileStarted):
            ids, documents, replaced, chunks = set[str](), 0, 0, 0
        elif isinstance(event, FileRows):
            ids.update(event.unchanged, (document.id for document in event.changed))
            documents += len(event.changed)
            replaced += sum(document.id in known for document in event.changed)
            chunks += sum(len(document.passages) for document in event.changed)
        elif isinstance(event, FileRead):
            counts.documents += documents
            counts.known += replaced
            counts.chunks += chunks
            seen |= ids
            whole.append(event.file)
        else:
            counts.failed.append(SkippedFile(event.file, event.reason))
    held = context.registry.document_hashes(place.index, place.root, whole)
    counts.removed += len(held.keys() - seen)


def _held(context: IndexingContext, index: str, rows: Iterable[FileRow]) -> int:
    """How many documents the index has of files that are gone."""
    by_root: dict[str, list[str]] = {}
    for row in rows:
        by_root.setdefault(row.root, []).append(row.file)
    return sum(
        len(context.registry.document_hashes(index, root, files)) for root, files in sorted(by_root.items())
    )
