"""Isolated reading: files are parsed in a child process, so that a crash or hang costs one file only.

The reader splits what it reads, so that reading and splitting run beside embedding. It sends rows in
small batches, each file's between a start and an end.
"""

from __future__ import annotations

import multiprocessing.connection
import signal
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, Self

from orchestrator.errors import StoreError
from orchestrator.indexing.file_documents import Place, Recipe
from orchestrator.indexing.files import LARGEST
from orchestrator.indexing.readers.file import FileNote
from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.ports import DocumentRow


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of reading one file: bytes on disk, seconds without progress, bytes of memory."""

    size: int = LARGEST
    seconds: float = 120.0
    memory: int = 4 * 2**30


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """Where the copy of a remote file is, and the version that it is of."""

    path: str
    version: str


@dataclass(frozen=True)
class ReadRequest:
    """Read these files of a place. Documents whose id and hash are `known` are named, not sent.

    Those of a remote place are read from their `copies`, by their names.
    """

    place: Place
    files: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)
    known: frozenset[tuple[str, str]] = frozenset()
    limits: Limits = field(default_factory=Limits)
    copies: Mapping[str, LocalCopy] = field(default_factory=dict[str, LocalCopy])


@dataclass(frozen=True, slots=True)
class FileStarted:
    """The start of a file's events. If a file starts again, its earlier events are void."""

    file: str


@dataclass(frozen=True, slots=True)
class FileRows:
    """Some of a file's documents: new or changed ones whole, the ids of those that are known."""

    changed: tuple[DocumentRow, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRead:
    """The file is read: its hash and size as it was then, its documents and passages counted.

    `notes` say how it was read, where that is not as it was written, and what was left out of it.
    """

    file: str
    hash: str
    size: int
    documents: int
    passages: int
    notes: tuple[FileNote, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFailed:
    """The file cannot be read, and why."""

    file: str
    reason: str


ReadEvent = FileStarted | FileRows | FileRead | FileFailed

#: Seconds that a new reader has to begin.
_STARTING = 120.0


class Reader:
    """Reads files in a child process, which is started at once, and again whenever it dies."""

    def __init__(self) -> None:
        self._connection: multiprocessing.connection.Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self.closed = False
        self._start()

    def read(self, request: ReadRequest) -> Iterator[ReadEvent]:
        """The events of each file, in order; a file on which the reader dies is tried once more, alone."""
        waiting = deque(request.files)
        again: str | None = None
        idle_deaths = 0
        while waiting:
            files = (waiting[0],) if waiting[0] == again else tuple(waiting)
            current: str | None = None
            died: Literal["crashed", "hung"] | None = None
            try:
                self._send(replace(request, files=files))
                for _ in range(len(files)):
                    done = False
                    while not done:
                        event = self._receive(request.limits.seconds if current else _STARTING)
                        if isinstance(event, FileStarted):
                            current = event.file
                        done = isinstance(event, (FileRead, FileFailed))
                        yield event
                    waiting.popleft()
                    current = None
                continue
            except TimeoutError:
                died = "hung"
            except (EOFError, OSError):
                died = "crashed"
            if self.closed:
                return
            code = self._stop()
            if current is None:
                idle_deaths += 1
                if idle_deaths > 1:
                    raise StoreError(
                        f"The process that reads files does not start: {self._last_words()}.",
                        hint="Check the installation with `orchestrator doctor`.",
                    )
            elif died == "hung" or current == again:
                yield FileFailed(current, self._reason(died, code, request.limits))
                waiting.popleft()
            else:
                again = current
            self._start()

    def close(self) -> None:
        """End the reader, also one that another thread is reading from."""
        self.closed = True
        self._stop()
        self._stderr.close()

    @property
    def pid(self) -> int | None:
        """The number of the process, as long as there is one."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self._stderr.seek(0)
        self._stderr.truncate()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - a command of our own
                child_command("orchestrator.indexing.reader_process", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=child_environment(),
            )
        self._connection = multiprocessing.connection.Connection(ours.detach())

    def _send(self, request: ReadRequest) -> None:
        if self._connection is None:
            raise EOFError
        self._connection.send(request)

    def _receive(self, seconds: float) -> ReadEvent:
        connection = self._connection
        if connection is None:
            raise EOFError
        if not connection.poll(seconds):
            raise TimeoutError
        return connection.recv()

    def _stop(self) -> int | None:
        """Kill the process; what it ended with, if it had ended before."""
        process, self._process = self._process, None
        code = None
        if process is not None:
            try:
                # Its end of the connection closes before it is gone.
                code = process.wait(1.0) if not self.closed else process.poll()
            except subprocess.TimeoutExpired:
                code = None
            process.kill()
            process.wait()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        return code

    def _reason(self, died: Literal["crashed", "hung"], code: int | None, limits: Limits) -> str:
        if died == "hung":
            return f"It took longer than {limits.seconds:g} s to read; split it, or raise the limit."
        how = "" if code is None else f" (exit code {code})"
        if code is not None and code < 0:
            how = f" ({signal.Signals(-code).name})"
        return f"It crashed its reader twice{how}."

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else "it ended without a message"
