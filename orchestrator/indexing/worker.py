"""A local worker: a process that an `Indexer` starts, by the module that makes its application.

It is told its settings and its index on the first line of standard input, and that there may be work
on each further line; it tells what it does on standard output, a JSON object a line. When its input
ends, so does it, at once: whoever started it has died or needs it no more, and a job that was not
published has written nothing that anybody sees.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

from orchestrator.indexing.isolated_reading import Reader

if TYPE_CHECKING:
    from orchestrator.indexing.context import IndexingContext

    #: Makes what the jobs need, from the settings of an application and what reads files.
    OpenContext = Callable[[Mapping[str, Any], Reader | None], IndexingContext]

#: Seconds after which a worker looks for work though nobody told it.
_LOOK = 1.0


class Reports:
    """What a worker tells. Counts are added up for a moment: a line a file would be too many."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._files = self._passages = 0

    def tell(self, **what: Any) -> None:
        """Write one line, and the counts so far before it."""
        with self._lock:
            lines = [json.dumps(what)] if what else []
            if self._files or self._passages:
                lines.insert(0, json.dumps({"files": self._files, "passages": self._passages}))
                self._files = self._passages = 0
            for line in lines:
                self._stream.write(line + "\n")
            self._stream.flush()

    def count(self, files: int, passages: int) -> None:
        """Add to the counts."""
        with self._lock:
            self._files += files
            self._passages += passages
            enough = self._passages or self._files >= 50
        if enough:
            self.tell()


async def work(context: IndexingContext, index: str, reports: Reports, wake: threading.Event) -> None:
    """Do the jobs of an index as they come."""
    from orchestrator.indexing.context import LEASE
    from orchestrator.indexing.jobs import do_job

    name = f"{socket.gethostname()}:{os.getpid()}"
    if context.started is not None:
        context.warm_up()
    while True:
        wake.clear()
        job = await asyncio.to_thread(context.ledger.claim, name, seconds=LEASE, index=index)
        if job is None:
            await asyncio.to_thread(wake.wait, _LOOK)
            continue
        reports.tell(claimed=job.id, kind=job.kind)
        await do_job(job, context)
        reports.tell(ended=job.id)


def main(open_context: OpenContext) -> None:
    """Work until standard input ends, with what `open_context` makes of the settings."""
    # An interrupt from the keyboard is the parent's to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only reports may go where the parent listens; some libraries print.
    reports = Reports(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    wake = threading.Event()
    threading.Thread(target=_listen, args=(wake,), daemon=True).start()
    # It takes a second to start: it does so while this process imports what it needs.
    reader = Reader() if order["reads"] else None
    context = open_context(order["settings"], reader)
    context.progress = reports.count
    asyncio.run(work(context, order["index"], reports, wake))


def _listen(wake: threading.Event) -> None:
    while sys.stdin.readline():
        wake.set()
    os._exit(0)
