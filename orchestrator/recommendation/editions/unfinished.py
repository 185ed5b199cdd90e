"""Unfinished trainings, each in a folder of its own, which can be resumed after they were stopped.

training-<hash>/            what the training of this data and these settings has left so far
training-<hash>/.in-use     locked for as long as a process trains there
.trainings.lock             held while a training begins, ends, or is given up
.gone-<hash>-…/             one that was given up, while it is being deleted
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from orchestrator.errors import StoreError

#: Seconds after its last write for which a training that was stopped can go on, unless a setting says more.
KEPT = 7 * 86_400.0
_IN_USE = ".in-use"


class Unfinished:
    """The unfinished trainings below `folder`. One not resumed for `keep` seconds expires.

    A training is in use while its process lives: the system frees the lock of one that was killed.
    """

    def __init__(self, folder: Path, *, keep: float = KEPT) -> None:
        self.folder = folder
        self.keep = keep

    @contextmanager
    def training(self, identity: str) -> Generator[Path]:
        """The folder of a training, with its state so far; it is deleted when the block succeeds.

        Others that were given up are deleted. StoreError if the same training is under way.
        """
        folder = self.folder / f"training-{identity}"
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            with self._gate():
                folder.mkdir(exist_ok=True)
                lock = held.enter_context((folder / _IN_USE).open("w"))
                if not _locked(lock):
                    raise StoreError(
                        f"A training on the same data with the same settings is under way in {folder}.",
                        hint="Wait until it has ended, or end it.",
                    )
                # Whoever goes on with a training uses it from now on.
                os.utime(folder)
                gone = self._given_up(time.time())
            _delete(gone)
            yield folder
            with self._gate():
                gone = [self._set_aside(folder)]
            _delete(gone)

    def prune(self, now: float) -> int:
        """Delete trainings that are expired at `now` (seconds since the epoch); returns how many."""
        if not self.folder.is_dir():
            return 0
        with self._gate():
            gone = self._given_up(now)
        return _delete(gone)

    def _given_up(self, now: float) -> list[Path]:
        """Rename expired trainings, so that they can be started again; the gate is held."""
        # Whoever was deleting these may have been killed; two who delete them at once do no harm.
        found = list(self.folder.glob(".gone-*"))
        for folder in sorted(self.folder.glob("training-*")):
            try:
                if not folder.is_dir() or _last_write(folder) > now - self.keep:
                    continue
                with (folder / _IN_USE).open("a") as lock:
                    if _locked(lock):
                        found.append(self._set_aside(folder))
            except OSError:
                # It is somebody else's, or was deleted by hand: no reason not to train.
                continue
        return found

    def _set_aside(self, folder: Path) -> Path:
        """Rename it, so that a deletion that is killed half-way leaves nothing that looks like a training."""
        aside = self.folder / f".gone-{folder.name.partition('-')[2]}-{uuid.uuid4().hex[:8]}"
        return folder.rename(aside)

    @contextmanager
    def _gate(self) -> Generator[None]:
        with (self.folder / ".trainings.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _locked(file: IO[str]) -> bool:
    """Whether the lock could be had; it is held until the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_write(folder: Path) -> float:
    """When something in a folder was written last, in seconds since the epoch."""
    written = folder.stat().st_mtime
    for file in folder.rglob("*"):
        try:
            written = max(written, file.lstat().st_mtime)
        except FileNotFoundError:
            # A training is at work, and replaces its files.
            continue
    return written


def _delete(folders: list[Path]) -> int:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)
