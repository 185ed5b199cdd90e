"""Scans a root for files, with their hashes, and the files that are skipped."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from orchestrator.errors import BadInput, UnreadableFile
from orchestrator.indexing.locations import Location

#: Larger files are refused: a job holds a file's passages in memory until it publishes them.
LARGEST = 512 * 2**20

_VERSION_CONTROL = frozenset({"CVS", "_darcs"})  # the others are hidden anyway
# A path has lost one of the two slashes.
_URL, _SLASH = re.compile(r"(?:https?|ftp|s3|gs|file):/", re.IGNORECASE), re.compile(":/+")
CORPUS, QUERIES = "corpus.jsonl", "queries.jsonl"
#: Why the second is left out beside the first.
QUERIES_OF_CORPUS = f"It holds the queries of a test collection; its documents are in {CORPUS}."


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that can be indexed. `file` is its path below the root, with slashes.

    `hash` is its SHA-256; of a remote file, its version."""

    file: str
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder that is not indexed, and why.

    `absent` says that the index must forget it, as if it had vanished. Otherwise what was indexed of
    it, or below it, stays: the reason may pass.
    """

    file: str
    reason: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """The files below `root` (absolute, links resolved; or a URL), by rising path.

    `others` counts the files of kinds that cannot be read, by the ends of their names.
    """

    root: Location
    files: tuple[FoundFile, ...]
    skipped: tuple[SkippedFile, ...]
    others: tuple[tuple[str, int], ...] = ()


def resolve_root(root: str | Path) -> Path:
    """The absolute path of a root; BadInput if there is nothing."""
    given = Path(root).expanduser()
    try:
        resolved = given.resolve(strict=True)
        mode = resolved.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        if _URL.match(str(root)):
            raise BadInput(
                f"{_SLASH.sub('://', str(root), count=1)!r} is a URL, and a URL cannot be indexed.",
                hint="Download it, and give the file.",
            ) from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(
            f"{str(given)!r} cannot be indexed: {reason.lower()}.",
            hint="Give a folder or a file that exists; nothing was removed from the index.",
        ) from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise BadInput(
            f"{str(given)!r} is neither a folder nor a regular file.", hint="Give a folder or a file."
        )
    return resolved


def scan(
    root: str | Path,
    suffixes: Collection[str],
    *,
    within: str | None = None,
    largest: int = LARGEST,
) -> Scan:
    """The files below `root` whose names end in one of `suffixes`, or `root` itself if it is a file.

    Hidden files and folders of version control are passed over, files of other kinds counted; links that
    lead outside of the root, names that are not UTF-8, and what cannot be opened are skipped with a
    reason. `within` limits the scan to a file or folder below the root. BadInput if there is no root,
    or nothing in it that could be indexed.
    """
    base = resolve_root(root)
    start = base / within if within else base
    found: list[FoundFile] = []
    skipped: list[SkippedFile] = []
    others: Counter[str] = Counter()
    single = base.is_file()
    # A file that is named by the user is read whatever it is called, hidden or not.
    entries = [_Entry(base.name, base)] if single else _walk(base, start, skipped)
    for entry in entries:
        suffix = Path(entry.file).suffix.lower()
        if suffix not in suffixes:
            others[suffix] += 1
            if single or entry.path == start:
                raise unknown_kind(entry.path, suffixes)
            continue
        outcome = _examine(entry, base.parent if single else base, suffixes, largest)
        if isinstance(outcome, FoundFile):
            found.append(outcome)
        elif outcome is not None:
            skipped.append(outcome)
    found.sort(key=lambda file: file.file)
    skipped.sort(key=lambda file: file.file)
    if not found and not any(not file.absent for file in skipped):
        raise nothing_to_index(start, skipped, others, suffixes)
    return Scan(base, tuple(found), tuple(skipped), tuple(others.most_common()))


def unknown_kind(file: Location, suffixes: Collection[str]) -> BadInput:
    """The error for a file that was given, and that no reader takes."""
    return BadInput(
        f"{str(file)!r} is of a kind that cannot be read.",
        hint=f"Files that can be read end in {', '.join(sorted(suffixes))}.",
    )


def nothing_to_index(
    start: Location, skipped: Sequence[SkippedFile], others: Counter[str], suffixes: Collection[str]
) -> BadInput:
    """The error for a place without a file that can be indexed, with why."""
    reasons = f" ({skipped[0].file}: {skipped[0].reason})" if skipped else ""
    if others and not skipped:
        kinds = ", ".join(f"{kind or 'no suffix'} {count:,}" for kind, count in others.most_common(8))
        reasons = f" ({kinds})"
    return BadInput(
        f"{str(start)!r} holds no file that can be indexed{reasons}.",
        hint=f"Files that can be read end in {', '.join(sorted(suffixes))}. "
        "Nothing was removed from the index; `orchestrator index remove` does that.",
    )


def read_below(root: Path, file: str, largest: int = LARGEST) -> bytes:
    """The bytes of a file below a root (or of the root itself, if it is a file), read once.

    What a scan checked may have changed since, so that everything is checked again on the open file.
    UnreadableFile with the reason otherwise.
    """
    path = root if root.name == file and root.is_file() else root / file
    folder = root.parent if path == root else root
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder):
            raise UnreadableFile("It is a link to a place outside of its root.")
        with _opened(real) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise UnreadableFile("It is not a regular file.")
            data = opened.read(largest + 1)
    except OSError as error:
        raise UnreadableFile(f"It cannot be read: {_reason(error)}.") from error
    if len(data) > largest:
        raise UnreadableFile(too_large(len(data), largest))
    return data


def too_large(size: int, largest: int) -> str:
    """Why a file of this many bytes is refused."""
    return f"It holds {size / 2**20:,.0f} MB, more than {largest / 2**20:,.0f} MB; split it."


@dataclass(frozen=True, slots=True)
class _Entry:
    file: str
    path: Path


def _walk(base: Path, start: Path, skipped: list[SkippedFile]) -> Iterator[_Entry]:
    """Files and links to files below `start`, named from `base`; no link to a folder is followed."""
    if start.is_file():
        yield _Entry(start.relative_to(base).as_posix(), start)
        return
    folders = [start]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            name = folder.relative_to(base).as_posix()
            skipped.append(SkippedFile(_shown(name), f"It cannot be listed: {_reason(error)}."))
            continue
        names = {entry.name for entry in entries}
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _VERSION_CONTROL:
                continue
            path = folder / entry.name
            file = path.relative_to(base).as_posix()
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                    continue
                linked_folder = entry.is_symlink() and entry.is_dir()
            except OSError:
                linked_folder = False
            if linked_folder:
                if not _inside(path, base):
                    reason = "It is a link to a place outside of its root."
                    skipped.append(SkippedFile(_shown(file), reason, absent=True))
            elif entry.name == QUERIES and CORPUS in names:
                skipped.append(SkippedFile(_shown(file), QUERIES_OF_CORPUS, absent=True))
            else:
                yield _Entry(file, path)


def _inside(path: Path, base: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(base)
    except (OSError, RuntimeError):
        return False


def _examine(
    entry: _Entry, base: Path, suffixes: Collection[str], largest: int
) -> FoundFile | SkippedFile | None:
    """What a file holds, or why it is skipped; None if it is a link to a file that is found itself."""
    try:
        entry.file.encode()
    except UnicodeEncodeError:
        return SkippedFile(_shown(entry.file), "Its name is not valid UTF-8; rename it.", absent=True)
    try:
        real = entry.path
        if real.is_symlink():
            real = real.resolve(strict=True)
            if not real.is_relative_to(base):
                return SkippedFile(entry.file, "It is a link to a place outside of its root.", absent=True)
            hidden = any(part.startswith(".") for part in real.relative_to(base).parts)
            if not hidden and real.suffix.lower() in suffixes:
                return None
        with _opened(real) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                return SkippedFile(entry.file, "It is not a regular file.", absent=True)
            if status.st_size > largest:
                return SkippedFile(entry.file, too_large(status.st_size, largest))
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        # Gone since its folder was listed, or a link to nothing.
        return SkippedFile(entry.file, "It is not there.", absent=True)
    except (OSError, RuntimeError) as error:
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        return SkippedFile(entry.file, f"It cannot be read: {reason}.")
    return FoundFile(entry.file, status.st_size, digest)


def _opened(path: Path) -> BufferedReader:
    """A file whose links are resolved, open for reading; opening a pipe does not wait for its writer."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _shown(name: str) -> str:
    """A file name as text that can be printed and stored, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
