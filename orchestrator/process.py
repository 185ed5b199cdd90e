"""Which process holds something, and whether it is still there."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path


def process_name() -> str:
    """Names this process among all of all hosts: host, number, when it began."""
    return f"{_host()} {os.getpid()} {_started(os.getpid())}"


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this host that is no more."""
    host, _, rest = holder.partition(" ")
    pid, _, rest = rest.partition(" ")
    started = rest.partition(" ")[0]
    if host != _host() or not pid.isdigit():
        return False
    return _started(int(pid)) != started


def _host() -> str:
    """Names where a process number means something: a container may share its host's name."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}".replace(" ", "_")


def _started(pid: int) -> str:
    """When a process began, so that another under its number is told apart; "gone" if there is none."""
    try:
        # The name of the program, in brackets, may hold spaces; field 22 is the time, in ticks since boot.
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "gone" if status[0] in "ZX" else status[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return "gone"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "-"


def described(holder: str) -> str:
    """A holder as messages name it."""
    host, _, rest = holder.partition(" ")
    return f"process {rest.partition(' ')[0]} on {host.partition('/')[0]}"


def when_told_to_end(stop: Callable[[], object]) -> None:
    """Call a function when this process is told to end, or interrupted; from its main thread."""

    def told(number: int, frame: object) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
