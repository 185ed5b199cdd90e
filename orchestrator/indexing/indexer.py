"""The indexer: adds, removes and rebuilds documents of an index, as jobs of a ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.indexing import index_plan as planning
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.dry_run import DryRun, dry_run
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.files import SkippedFile
from orchestrator.indexing.import_job import ImportReport, import_jobs, import_report
from orchestrator.indexing.index_plan import Plan, place
from orchestrator.indexing.index_report import (
    IndexReport,
    IndexStatus,
    ReadingNote,
    RebuildReport,
    RemovalReport,
    RootStatus,
    VerifyReport,
    add_report,
)
from orchestrator.indexing.isolated_reading import Limits
from orchestrator.indexing.locations import Location, location, spellings
from orchestrator.indexing.remote_files import exists, resolve_location, scan_target
from orchestrator.indexing.restaging import restage
from orchestrator.indexing.upkeep import pages
from orchestrator.indexing.verify import verify
from orchestrator.jobs.local_runner import JobDispatcher, LocalRunner
from orchestrator.jobs.worker_process import WorkerProcess
from orchestrator.jobs.write_lock import write_lock
from orchestrator.json_object import JsonObject
from orchestrator.ports import FileRow, IndexVersion, index_scope
from orchestrator.progress import Progress, silent
from orchestrator.types import DEFAULT_TENANT, PUBLIC

#: Seconds for which what was replaced is kept: in the store for readers that are about to open it,
#: passages for runs that are about to cite them.
STORE_GRACE, PASSAGE_GRACE = 300.0, 86_400.0


class Indexer:
    """Adds, removes, rebuilds and verifies the documents of one index. A local worker does long work.

    `context` holds the ports; `settings` are those of the application that a worker makes for itself. Without
    any, everything is done in this process: only for one that serves nobody, since writing shards stops all
    of its threads. Everything may be killed at any moment: running it again ends with the right index.
    Another writer is waited for `wait` seconds. With a `dispatcher`, its caller holds the write lock.
    """

    def __init__(
        self,
        context: IndexingContext,
        index: str = "default",
        *,
        settings: Mapping[str, Any] | None,
        recipe: Recipe | None = None,
        limits: Limits | None = None,
        wait: float = 60.0,
        store_grace: float = STORE_GRACE,
        passage_grace: float = PASSAGE_GRACE,
        dispatcher: JobDispatcher | None = None,
    ) -> None:
        self.index = index
        self._context = context
        self._registry = context.registry
        self._settings = settings
        self._recipe = recipe or Recipe()
        self._limits = limits or Limits()
        self._wait = wait
        self._dispatcher = dispatcher
        self._grace = {"store_seconds": store_grace, "passage_seconds": passage_grace}

    # -- changes -------------------------------------------------------------------------------

    async def add(
        self,
        root: str | Path,
        labels: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        progress: Progress = silent,
    ) -> IndexReport:
        """Index the files below `root`, or update them, readable with a grant of one of `labels`.

        Unchanged files are skipped, changed ones replaced, and files that vanished from this root are
        removed. Without `labels`, known files keep theirs and new ones get those of the root, which are
        `public` at first. `progress` is called with what is done, what there is to do, and a word.
        BadInput for a root that is missing or empty, IndexBusy if another writer has the index,
        IndexMismatch if it was made with another embedder.
        """
        path = await asyncio.to_thread(resolve_location, root, self._context.sources)
        if labels is not None:
            planning.canonical(labels)
        async with self._writing(progress) as writer:
            return await self._add(writer, path, labels, tenant, progress)

    async def add_each(
        self,
        roots: Sequence[str | Path],
        labels: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        progress: Progress = silent,
    ) -> AsyncGenerator[IndexReport]:
        """Add several roots, as `add` does, one after the other with one worker; a report as each is done.

        Nothing is changed if one of them is missing.
        """
        sources = self._context.sources
        paths = [await asyncio.to_thread(resolve_location, root, sources) for root in roots]
        if labels is not None:
            planning.canonical(labels)
        async with self._writing(progress) as writer:
            for path in paths:
                yield await self._add(writer, path, labels, tenant, progress)

    async def import_vectors(
        self,
        path: str | Path,
        labels: Sequence[str] = (PUBLIC,),
        tenant: str = DEFAULT_TENANT,
        progress: Progress = silent,
    ) -> ImportReport:
        """Index the passages of a Parquet file by the vectors in it; see `PassageFile`."""
        began = time.monotonic()
        jobs, passages = await asyncio.to_thread(import_jobs, path, tuple(labels), tenant)
        async with self._writing(progress) as writer:
            self._registry.create(self.index, self._context.format)
            done = await writer.there("import", jobs, total=passages, doing="importing")
            await self._tidy(writer, progress)
        return import_report(jobs, done, self._context.version(self.index), time.monotonic() - began)

    async def remove(self, what: str | Path, progress: Progress = silent) -> RemovalReport:
        """Remove a root, one of its files, or a document by its own id.

        Files and roots are given by their paths, which need not exist any more. A file that is still
        below its root comes back when the root is added again; a document of a file of many comes back
        when its file changes. BadInput if the index has nothing of that name.
        """
        async with self._writing(progress) as writer:
            self._context.version(self.index)
            payloads, files, documents = await asyncio.to_thread(self._removal, what)
            await writer.here("forget", payloads)
            await self._tidy(writer, progress)
        version = self._context.version(self.index)
        return RemovalReport(
            self.index, version.number, files, documents, version.documents, version.passages
        )

    async def drop(self, progress: Progress = silent) -> None:
        """Delete the index and all that the store has of it, at once."""
        async with self._writing(progress):
            self._context.version(self.index)
            await asyncio.to_thread(self._registry.drop, self.index)
            await asyncio.to_thread(self._context.writer.delete, self.index)

    async def rebuild(self, progress: Progress = silent) -> RebuildReport:
        """Embed all passages again, with the current embedder and term encoder.

        Texts, labels and statistics stay as they are. Searches see the old vectors until the last new
        one is written, and then all new ones at once; nothing is deleted first.
        """
        return await self._rewritten("embed", {}, "embedding", progress)

    async def move(self, source: str, progress: Progress = silent) -> RebuildReport:
        """Take the vectors from the vector store of another connector, and delete them there.

        Searches of that store see the index until all is copied. What it lacks is embedded again, and so is
        an index that keeps token vectors.
        """
        return await self._rewritten("copy", {"source": source}, "copying", progress)

    async def _rewritten(
        self, kind: str, more: Mapping[str, Any], doing: str, progress: Progress
    ) -> RebuildReport:
        """Stage all passages by jobs of a kind, put them in the place of what there was, and tidy up."""
        began = time.monotonic()
        async with self._writing(progress) as writer:
            await restage(writer, self._context, self.index, kind, more, doing)
            await self._tidy(writer, progress)
            if "source" in more:
                source = self._context.stores.writer(more["source"])
                await asyncio.to_thread(source.delete, self.index)
        version = self._context.version(self.index)
        return RebuildReport(
            self.index,
            version.number,
            version.format,
            version.documents,
            version.passages,
            time.monotonic() - began,
        )

    async def repair(self, progress: Progress = silent) -> VerifyReport:
        """Make everything anew that can be: from the files, and the rest from the texts that are stored.

        Files of roots that can be read are read again; what was imported, or is of a root that is gone, is
        left as it is stored. Then all passages are embedded, and their terms counted, again. The index can
        be searched meanwhile. What is derived from it is left. The report says what is wrong still.
        """
        async with self._writing(progress) as writer:
            rows = await asyncio.to_thread(self._registry.files, self.index)
            for root, tenant in sorted({(row.root, row.tenant) for row in rows}):
                if await asyncio.to_thread(self._is_readable, root, tenant):
                    await asyncio.to_thread(self._registry.distrust, self.index, root)
                    await self._add(writer, location(root), None, tenant, progress)
            await restage(writer, self._context, self.index, "embed", {}, "embedding", terms=True)
            await self._tidy(writer, progress)
        return await self.verify(progress)

    async def merge(self, progress: Progress = silent) -> IndexVersion:
        """Merge what the store can search faster merged, and delete what is unused."""
        async with self._writing(progress) as writer:
            self._context.version(self.index)
            await self._tidy(writer, progress)
        return self._context.version(self.index)

    async def dry_run(
        self, root: str | Path, labels: Sequence[str] | None = None, tenant: str = DEFAULT_TENANT
    ) -> DryRun:
        """What `add` would do now. Files are read and split for it; nothing is embedded or written."""
        path = await asyncio.to_thread(resolve_location, root, self._context.sources)
        given = (path, labels, tenant, self._recipe, self._limits)
        return await asyncio.to_thread(dry_run, self._context, self.index, *given)

    # -- what there is -------------------------------------------------------------------------

    async def status(self) -> IndexStatus:
        """The status of the index; StoreError if there is none."""
        return await asyncio.to_thread(self._status)

    async def list(self) -> list[FileRow]:
        """The files of the index, by root and name."""
        self._context.version(self.index)
        return await asyncio.to_thread(self._registry.files, self.index)

    async def verify(self, progress: Progress = silent) -> VerifyReport:
        """Compare the index with its registry, passage by passage; it may be searched meanwhile."""
        return await asyncio.to_thread(verify, self._context, self.index, progress)

    def close(self) -> None:
        """End the process that reads files, if one was started."""
        self._context.close()

    # -- how -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _writing(self, progress: Progress) -> AsyncGenerator[JobDispatcher]:
        if self._dispatcher is not None:
            yield self._dispatcher
            return
        scope = index_scope(self.index)
        async with write_lock(self._context.ledger, scope, wait=self._wait, progress=progress) as name:
            process = WorkerProcess(scope, name, self._settings) if self._settings is not None else None
            writer = LocalRunner(scope, name, self._context.runner(), process, progress)
            try:
                yield writer
            finally:
                await writer.stop()

    async def _add(
        self,
        writer: JobDispatcher,
        path: Location,
        labels: Sequence[str] | None,
        tenant: str,
        progress: Progress,
    ) -> IndexReport:
        began = time.monotonic()
        repaired = await self._repair(writer)
        progress(0, 0, "scanning")
        if not await asyncio.to_thread(self._registry.files, self.index, str(path)):
            await writer.prepare("read")
        plan = await asyncio.to_thread(self._plan, path, labels, tenant)
        # Who may read what is settled before anything else changes.
        relabelled = list(planning.relabel_jobs(plan))
        passages = sum(plan.before[file].passages for file in plan.relabelled)
        await writer.there("relabel", relabelled, total=passages, doing="relabelling")
        jobs = list(planning.read_jobs(plan, self._recipe, self._limits))
        total = len(plan.added) + len(plan.changed)
        done = await writer.there("read", jobs, total=total, doing="reading", unit="files")
        effects = [job.effects.read() for job in done if job.effects is not None]
        notes = [ReadingNote(*note) for each in effects for note in each.get("notes", ())]
        rows = await asyncio.to_thread(self._registry.files, self.index)
        still = partial(exists, sources=self._context.sources)
        superseded = await asyncio.to_thread(planning.superseded, rows, plan.target, still)
        gone = [*plan.removed, *superseded]
        await writer.here("forget", planning.forget_jobs(gone))
        if relabelled and labels is not None and plan.target.within is None:
            # What was removed from this root before, and can still be cited for a while.
            given = (self.index, str(plan.target.root), planning.canonical(labels))
            await asyncio.to_thread(self._registry.relabel, *given)
        if relabelled or jobs or gone or repaired:
            await self._tidy(writer, progress)
        version = self._context.version(self.index)
        report = add_report(plan, version, rows, time.monotonic() - began)
        return replace(report, repaired=repaired, notes=tuple(sorted(notes, key=lambda note: note.file)))

    async def _repair(self, writer: JobDispatcher) -> int:
        """Embed again what lies in places of the store that are not there any more; how many passages."""
        version = self._registry.current(self.index)
        store = self._context.writer
        damaged = list(await asyncio.to_thread(store.damaged, version)) if version else []
        if version is None or not damaged:
            return 0
        total, repaired = sum(place.passages for place in damaged), 0
        places = [place.name for place in damaged]
        while await asyncio.to_thread(store.damaged_documents, self.index, places, limit=1):
            payload = {"places": places, "passages": planning.JOB_PASSAGES, "after": repaired}
            (job,) = await writer.there("repair", [payload], total=total, doing="repairing", done=repaired)
            repaired += (job.effects or JsonObject())["passages"]
        return repaired

    def _plan(self, path: Location, labels: Sequence[str] | None, tenant: str) -> Plan:
        rows = self._registry.files(self.index)
        given = planning.target(path, tenant, rows)
        found = scan_target(given, self._recipe, self._limits, self._context.sources)
        # After the scan: a root that cannot be indexed must not leave an empty index behind.
        self._registry.create(self.index, self._context.format)
        return planning.compare(found, rows, given, self._recipe, labels)

    def _is_readable(self, root: str, tenant: str) -> bool:
        """Whether the files of a root can be added again: it is there, and was not imported."""
        with suppress(BadInput):
            self._plan(location(root), None, tenant)
            return True
        return False

    async def _tidy(self, writer: JobDispatcher, progress: Progress) -> None:
        while merges := self._context.writer.merges(self._context.version(self.index)):
            progress(0, 0, "merging")
            await writer.there("merge", merges, total=0, doing="merging")
        await writer.here("collect", [self._grace])

    def _removal(self, what: str | Path) -> tuple[list[dict[str, Any]], int, int]:
        """The jobs that remove something, and how many files and documents that are."""
        rows = self._registry.files(self.index)
        paths = spellings(what)
        found = [row for row in rows if location(row.root) in paths] or [
            row for row in rows if place(row) in paths or not paths.isdisjoint(place(row).parents)
        ]
        if found:
            payloads = list(planning.forget_jobs(found))
            held = (
                self._registry.document_hashes(self.index, each["root"], each["files"]) for each in payloads
            )
            return payloads, len(found), sum(map(len, held))
        name = str(what)
        rest = (document for page in pages(self._registry, self.index) for document in page)
        ids = [one.id for one in rest if name in (one.document, one.source, one.id)]
        if not ids:
            raise BadInput(
                f"The index {self.index!r} has no root, file or document {name!r}.",
                hint=f"`orchestrator index list --index {self.index}` shows what it has.",
            )
        return [{"documents": ids}], 0, len(ids)

    def _status(self) -> IndexStatus:
        version = self._context.version(self.index)
        by_root: dict[tuple[str, str], list[FileRow]] = {}
        for row in self._registry.files(self.index):
            by_root.setdefault((row.root, row.tenant), []).append(row)
        return IndexStatus(
            index=self.index,
            version=version.number,
            format=version.format,
            documents=version.documents,
            passages=version.passages,
            parts=dict(self._context.writer.parts(version)),
            roots=tuple(
                RootStatus(
                    root=root,
                    tenant=owner,
                    labels=tuple(sorted({label for row in rows for label in row.labels})),
                    files=len(rows),
                    documents=sum(row.documents for row in rows),
                    passages=sum(row.passages for row in rows),
                    skipped=tuple(SkippedFile(row.file, row.error) for row in rows if row.error),
                )
                for (root, owner), rows in sorted(by_root.items())
            ),
            jobs=tuple(
                # Its files may be many.
                replace(job, payload=JsonObject.of({"root": job.payload.get("root")}))
                for job in self._context.ledger.jobs(
                    scope=index_scope(self.index), states=("pending", "running", "failed", "dead")
                )
            ),
        )
