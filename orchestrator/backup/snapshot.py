"""Backup and restore of everything an application keeps, while others read and write it.

Shards, and versions of recommenders, are never written again once they are published, so a backup is a
consistent copy of the state, and hard links to the shards which that copy names and to the version in
use. A restore is staged, marked ready, and then carried out in steps that can be repeated: whoever opens
the home next finishes one that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.backup.archive import (
    SHARDS,
    STATE,
    TRAINED,
    ArchivedIndex,
    Manifest,
    read_archive,
    write_archive,
)
from orchestrator.errors import BadInput, IndexBusy, StoreError
from orchestrator.progress import Progress

_STAGED = ".restore"
_READY = "ready"
_LOCK = ".archive.lock"
_ATTEMPTS = 5


def backup(
    path: Path,
    home: Path,
    *,
    copy_state: Callable[[Path], None],
    indexes_of: Callable[[Path], tuple[ArchivedIndex, ...]],
    trained: Callable[[Path], str | None],
    trained_files: Callable[[str], Path],
    release: str,
    created: float,
    progress: Progress,
) -> Manifest:
    """Write the archive `path` of what `home` holds at one moment.

    `copy_state` writes a consistent copy of the database to a path, `indexes_of` reads from such a
    copy which shards it names, and `trained` the recommenders' version in use, whose files
    `trained_files` gives.
    """
    if path.exists():
        raise BadInput(f"{path} exists already.", hint="Name a file that does not exist.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{path.parent} cannot be made: {error.strerror}.", hint="Name another place."
        ) from None
    with _alone(home):
        staged = home / ".backup"
        _remove(staged)
        try:
            indexes, version = _gather_all(staged, home, copy_state, indexes_of, trained, trained_files)
            return write_archive(
                path,
                staged,
                release=release,
                created=created,
                indexes=indexes,
                trained=version,
                progress=progress,
            )
        finally:
            _remove(staged)


def _gather_all(
    staged: Path,
    home: Path,
    copy_state: Callable[[Path], None],
    indexes_of: Callable[[Path], tuple[ArchivedIndex, ...]],
    trained: Callable[[Path], str | None],
    trained_files: Callable[[str], Path],
) -> tuple[tuple[ArchivedIndex, ...], str | None]:
    """Put the copied state, its shards and the recommenders' version that it names into `staged`."""
    version: str | None = None
    for _ in range(_ATTEMPTS):
        indexes = _gather(staged, home, copy_state, indexes_of)
        version = trained(staged / STATE)
        # It may be replaced and deleted after the state was copied: then there is a newer one.
        if version is None or _opened(version, trained_files, staged / TRAINED / version):
            return indexes, version
    raise StoreError(
        f"The recommenders' {version} is missing.", hint="Train again: `orchestrator recommend train`."
    )


def _opened(version: str, trained_files: Callable[[str], Path], target: Path) -> bool:
    """Whether the files of the recommenders' version could be linked."""
    try:
        return _linked(trained_files(version), target)
    except StoreError:
        return False


def _gather(
    staged: Path,
    home: Path,
    copy_state: Callable[[Path], None],
    indexes_of: Callable[[Path], tuple[ArchivedIndex, ...]],
) -> tuple[ArchivedIndex, ...]:
    """Put the copied state and its shards into `staged`."""
    missing: Path | None = None
    for _ in range(_ATTEMPTS):
        _remove(staged)
        staged.mkdir(parents=True)
        copy_state(staged / STATE)
        indexes = indexes_of(staged / STATE)
        shards = [Path(SHARDS) / index.name / shard for index in indexes for shard in index.shards]
        missing = next((shard for shard in shards if not (home / shard).is_dir()), None)
        # A shard may be merged away and swept between the copy and the link: then there is a newer version.
        if missing is None and all(_linked(home / shard, staged / shard) for shard in shards):
            return indexes
    raise StoreError(
        f"The shard {missing or 'of an index'} is missing.",
        hint="Run `orchestrator index verify`, then `orchestrator index rebuild`.",
    )


def restore(
    path: Path,
    home: Path,
    *,
    occupied: str | None,
    restore_state: Callable[[Path], None],
    progress: Progress,
) -> Manifest:
    """Make `home` what it was when the archive `path` was written; nothing changes if it is unsound.

    `occupied` says what would be overwritten, None if that may be. Whoever reads meanwhile sees the old
    state or the new.
    """
    if occupied:
        raise BadInput(f"{home} holds {occupied}.", hint="Give --force to replace it by the backup.")
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        _finish(home, restore_state)
        staged = home / _STAGED
        _remove(staged)
        staged.mkdir()
        manifest = read_archive(path, staged, progress=progress)
        if not (staged / STATE).is_file():
            raise BadInput(f"{path} holds no state.", hint="Take another backup.")
        _sync(staged)
        (staged / _READY).touch()
        _sync(staged)
        _finish(home, restore_state)
    return manifest


def unfinished(home: Path) -> bool:
    """Whether a restore was killed after the point from which it must go on."""
    return (home / _STAGED / _READY).exists()


def finish_restore(home: Path, restore_state: Callable[[Path], None]) -> None:
    """Carry out a restore that was killed."""
    with _alone(home):
        _finish(home, restore_state)


def _finish(home: Path, restore_state: Callable[[Path], None]) -> None:
    """Steps that may be repeated: shards first, then the state that names them, then what is left over."""
    staged = home / _STAGED
    if not (staged / _READY).exists():
        return
    listed: dict[str, set[str]] = {}
    for shard in sorted((staged / SHARDS).glob("*/*")):
        listed.setdefault(shard.parent.name, set()).add(shard.name)
        _put(shard, home / SHARDS / shard.parent.name / shard.name)
    for version in (staged / TRAINED).glob("version-*"):
        _put(version, home / TRAINED / version.name)
    if (staged / STATE).exists():
        restore_state(staged / STATE)
    for folder in (home / SHARDS).glob("*"):
        for shard in folder.glob("*"):
            # The restored state will give these names away again.
            if shard.name not in listed.get(folder.name, set()):
                _remove(shard)
    _finish_trained(staged / TRAINED, home / TRAINED)
    (staged / _READY).unlink()
    _remove(staged)


def _finish_trained(staged: Path, target: Path) -> None:
    """The files in which earlier releases named the recommenders' version, then the versions of before."""
    from orchestrator.recommendation.editions.editions import CURRENT, WITHDRAWN

    for name in (WITHDRAWN, CURRENT):
        if (staged / name).exists():
            part = target / f".{name}.part"
            target.mkdir(exist_ok=True)
            shutil.copyfile(staged / name, part)
            part.replace(target / name)
        else:
            (target / name).unlink(missing_ok=True)
    for version in target.glob("version-*"):
        if not (staged / version.name).exists():
            _remove(version)


def _put(folder: Path, target: Path) -> None:
    """Make `target` what `folder` is, from one moment to the next, unless it is so already."""
    if not _same(folder, target):
        _remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        _remove(part)
        _link_tree(folder, part)
        part.rename(target)


def _same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files: they are links to each other, or equal in bytes."""
    if not other.is_dir():
        return False
    files = [file.relative_to(one) for file in one.rglob("*") if file.is_file()]
    there = [file.relative_to(other) for file in other.rglob("*") if file.is_file()]
    return sorted(files) == sorted(there) and all(_equal(one / file, other / file) for file in files)


def _equal(one: Path, other: Path) -> bool:
    if one.samefile(other):
        return True
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(1 << 20):
            if chunk != right.read(len(chunk)):
                return False
    return True


def _linked(source: Path, target: Path) -> bool:
    """Whether all of `source` could be linked: it may be deleted meanwhile."""
    try:
        _link_tree(source, target)
    except FileNotFoundError:
        return False
    except shutil.Error as error:
        # All that failed within the tree: each with its source, its target and the reason.
        if all(Path(file).exists() for file, _, _ in error.args[0]):
            raise
        return False
    return True


def _link_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without hard links.
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(home: Path) -> Generator[None]:
    """One backup or restore at a time; the system frees the lock of a killed one."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IndexBusy(
                f"Another backup or restore of {home} is under way.", hint="Wait until it has ended."
            ) from None
        yield
