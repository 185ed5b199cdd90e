"""Remote roots: what lies below a URL, and copies of it for the process that reads files.

That process parses what strangers wrote, and therefore gets files, and no keys to where they came from.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.errors import BadInput, UnreadableFile
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.files import (
    CORPUS,
    QUERIES,
    QUERIES_OF_CORPUS,
    FoundFile,
    Scan,
    SkippedFile,
    nothing_to_index,
    resolve_root,
    scan,
    too_large,
    unknown_kind,
)
from orchestrator.indexing.index_plan import Target
from orchestrator.indexing.isolated_reading import FileFailed, Limits, LocalCopy, ReadEvent, ReadRequest
from orchestrator.indexing.locations import Location, RemotePath, location, name_below
from orchestrator.ports import RemoteFiles

if TYPE_CHECKING:
    from orchestrator.indexing.isolated_reading import Reader

#: How many files are fetched at once, and how many are given to the reader together.
_AT_ONCE, _TOGETHER = 16, 64


@runtime_checkable
class RemoteSources(Protocol):
    """What reads URLs, by their scheme."""

    def files(self, scheme: str) -> RemoteFiles | None:
        """What lists and fetches the files of URLs of this scheme; None if no connector does."""
        ...


class NoSources:
    """Where only files of this host are read."""

    def files(self, scheme: str) -> RemoteFiles | None:
        """There is none."""
        return None


def resolve_location(root: str | Path, sources: RemoteSources) -> Location:
    """The absolute path of a root, or its URL, a folder's with `/` at its end; BadInput if there is none."""
    given = location(root)
    if not isinstance(given, RemotePath) or sources.files(given.scheme) is None:
        return resolve_root(root)
    folder = RemotePath(given.url.removesuffix("/") + "/")
    for each in dict.fromkeys((given, folder)):
        if exists(each, sources):
            return each
    raise BadInput(
        f"There is nothing at {given.url!r}.",
        hint="Give a file, or the part before a `/` that names of files begin with; "
        "nothing was removed from the index.",
    )


def exists(place: Location, sources: RemoteSources) -> bool:
    """Whether there is a file, or a folder with anything in it."""
    if not isinstance(place, RemotePath):
        return place.exists()
    return next(_files(place, sources).find(place.url), None) is not None


def scan_remote(
    root: RemotePath,
    path: RemotePath,
    suffixes: Collection[str],
    sources: RemoteSources,
    *,
    largest: int,
) -> Scan:
    """What `scan` finds below a folder of this host, below the part `path` of a remote root.

    The hash of a file is its version, so that nothing is fetched.
    """
    listed = list(_files(path, sources).find(path.url))
    urls = {each.url for each in listed}
    found: list[FoundFile] = []
    skipped: list[SkippedFile] = []
    others: Counter[str] = Counter()
    for each in listed:
        file = name_below(root, RemotePath(each.url)) or PurePosixPath(each.url).name
        suffix = PurePosixPath(file).suffix.lower()
        if each.url != path.url and (each.url.endswith("/") or _hidden(file)):
            continue
        if suffix not in suffixes:
            if each.url == path.url:
                raise unknown_kind(path, suffixes)
            others[suffix] += 1
        elif file.endswith(QUERIES) and f"{each.url.removesuffix(QUERIES)}{CORPUS}" in urls:
            skipped.append(SkippedFile(file, QUERIES_OF_CORPUS, absent=True))
        elif each.size > largest:
            skipped.append(SkippedFile(file, too_large(each.size, largest)))
        else:
            found.append(FoundFile(file, each.size, each.version))
    found.sort(key=lambda each: each.file)
    skipped.sort(key=lambda each: each.file)
    if not found and not any(not each.absent for each in skipped):
        raise nothing_to_index(path, skipped, others, suffixes)
    return Scan(root, tuple(found), tuple(skipped), tuple(others.most_common()))


def scan_target(given: Target, recipe: Recipe, limits: Limits, sources: RemoteSources) -> Scan:
    """The files of what is added to an index, wherever it is."""
    suffixes = frozenset(recipe.readers)
    if isinstance(given.root, RemotePath):
        path = RemotePath(str(given.path))
        return scan_remote(given.root, path, suffixes, sources, largest=limits.size)
    return scan(given.root, suffixes, within=given.within, largest=limits.size)


class SourceReader:
    """Reads files of any root: those of a remote one are copied to this host first."""

    def __init__(self, reader: Reader, sources: RemoteSources) -> None:
        self._reader = reader
        self._sources = sources

    def read(self, request: ReadRequest) -> Iterator[ReadEvent]:
        """The events of each file. StoreError if the place of a remote root cannot be reached."""
        root = location(request.place.root)
        if isinstance(root, RemotePath):
            yield from self._copied(root, request)
        else:
            yield from self._reader.read(request)

    def close(self) -> None:
        """End the reader, also one that another thread is reading from."""
        self._reader.close()

    def _copied(self, root: RemotePath, request: ReadRequest) -> Iterator[ReadEvent]:
        files = _files(root, self._sources)
        with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:

            def copy(numbered: tuple[int, str]) -> tuple[str, LocalCopy | str]:
                number, file = numbered
                # Names of objects may lead anywhere: they name no file here.
                to = Path(folder) / f"{number}{PurePosixPath(file).suffix}"
                url = root.url + file if root.folder else root.url
                try:
                    return file, LocalCopy(str(to), files.fetch(url, to, request.limits.size).version)
                except UnreadableFile as error:
                    return file, error.message

            with ThreadPoolExecutor(_AT_ONCE, "fetching") as pool:
                try:
                    fetched = pool.map(copy, enumerate(request.files))
                    while group := dict(islice(fetched, _TOGETHER)):
                        yield from self._read(group, request)
                finally:
                    pool.shutdown(cancel_futures=True)

    def _read(self, fetched: dict[str, LocalCopy | str], request: ReadRequest) -> Iterator[ReadEvent]:
        copies = {file: copy for file, copy in fetched.items() if isinstance(copy, LocalCopy)}
        for file, reason in fetched.items():
            if isinstance(reason, str):
                yield FileFailed(file, reason)
        yield from self._reader.read(replace(request, files=tuple(copies), copies=copies))
        for copy in copies.values():
            Path(copy.path).unlink(missing_ok=True)


def _files(place: RemotePath, sources: RemoteSources) -> RemoteFiles:
    files = sources.files(place.scheme)
    if files is None:
        raise BadInput(
            f"No connector reads {place.url!r}.",
            hint=f"Install one named {place.scheme!r}: `orchestrator doctor` lists those that there are.",
        )
    return files


def _hidden(file: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in file.split("/"))
