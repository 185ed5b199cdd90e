"""Several worker processes on one host: started, started again when they die, and ended together."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Sequence
from threading import Event

from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.process import when_told_to_end

log = logging.getLogger(__name__)

#: The module of the command line.
PROGRAM = "orchestrator.cli"
#: Seconds that a worker that died rests before it is started again; twice as long each time it dies at once.
_REST, _LONGEST = 0.5, 30.0
#: Seconds after which a worker that is told to end is killed: longer than it gives its job.
_ENDING = 30.0


def run_workers(number: int, options: Sequence[str], command: Sequence[str]) -> int:
    """Keep so many workers running until this process is told to end; the exit code.

    A worker that ends by itself with code 0 has nothing left to do, and is not started again.
    """
    pool = [_Slot([*child_command(PROGRAM), *options, *command]) for _ in range(number)]
    stopping = Event()
    when_told_to_end(stopping.set)
    while not stopping.is_set() and sum(slot.keep() for slot in pool):
        time.sleep(0.1)
    for slot in pool:
        slot.tell()
    deadline = time.monotonic() + _ENDING
    return max([slot.end(deadline) for slot in pool])


class _Slot:
    """A place for a worker."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._rest = _REST
        self._again = 0.0

    def keep(self) -> bool:
        """Start a worker if there is none; False if it has ended because nothing is left to do."""
        now = time.monotonic()
        code = None if self._process is None else self._process.poll()
        if code == 0:
            return False
        if code is not None:
            log.warning("A worker ended with code %s and is started again.", code)
            self._rest = _REST if now - self._began > _LONGEST else min(_LONGEST, 2 * self._rest)
            self._process, self._again = None, now + self._rest
        if self._process is None and now >= self._again:
            self._began = now
            self._process = subprocess.Popen(self._command, env=child_environment())  # noqa: S603
        return True

    def tell(self) -> None:
        """Tell the worker to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> int:
        """Wait for its end until a time of the monotonic clock, and kill it then; its exit code."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
