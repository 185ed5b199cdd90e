"""The worker process, seen from its parent: start, wake, read reports, stop."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.jobs.child_process import child_command, child_environment
from orchestrator.ports import JobScope

#: The module that makes an application of the settings and does its jobs (`orchestrator.jobs.worker`).
WORKER = "orchestrator.application.job_worker"


class WorkerProcess:
    """Starts a worker when there is work, and again when it has died.

    `settings` are those of the application that the worker makes for itself; `module` is its program.
    """

    def __init__(self, scope: JobScope, lock: str, settings: Mapping[str, Any], module: str = WORKER) -> None:
        self._order: dict[str, Any] = {
            "scope": [scope.kind, scope.name],
            "lock": lock,
            "settings": dict(settings),
        }
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`

    @property
    def running(self) -> bool:
        """Whether there is a worker."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, kinds: Iterable[str]) -> None:
        """Start a worker that expects jobs of these kinds; an earlier one's last words are forgotten."""
        self._errors.seek(0)
        self._errors.truncate()
        self._process = await asyncio.create_subprocess_exec(
            *child_command(self._module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._errors,
            env=child_environment(),
        )
        self._write(json.dumps({**self._order, "kinds": sorted(set(kinds))}))

    def wake(self) -> None:
        """Say that there is work."""
        self._write("")

    async def report(self, seconds: float) -> dict[str, Any] | None:
        """The next thing that the worker tells; None if there is nothing for so long, or it has ended."""
        process = self._process
        if process is None or process.stdout is None:
            return None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), seconds)
        except TimeoutError:
            return None
        if not line:
            await process.wait()
            return None
        return json.loads(line)

    def ending(self) -> str:
        """How the worker ended, in words."""
        code = self._process.returncode if self._process else None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return lines[-1] if lines else f"exit code {code}"

    async def stop(self) -> None:
        """End the worker, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            # Read to the end, so that nothing is left open when the loop is closed.
            await process.communicate()
        self._errors.close()

    def _write(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None and self.running:
            self._process.stdin.write(f"{line}\n".encode())
