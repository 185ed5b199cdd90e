"""Where files and roots are: paths of this host, or URLs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://.+", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, order=True, slots=True)
class RemotePath:
    """The URL of a file, or of a folder if it ends in `/`.

    What stands between the slashes has no meaning: names such as `..`, and empty ones, stay as they are.
    """

    url: str

    @property
    def scheme(self) -> str:
        """What says which connector reads it."""
        return self.url.partition("://")[0].lower()

    @property
    def folder(self) -> bool:
        """Whether it is that of a folder."""
        return self.url.endswith("/")

    @property
    def parents(self) -> tuple[RemotePath, ...]:
        """The folders that it lies in, the innermost first."""
        start = self.url.index("://") + 3
        ends = [at + 1 for at in range(start, len(self.url) - 1) if self.url[at] == "/"]
        return tuple(RemotePath(self.url[:end]) for end in reversed(ends))

    def __str__(self) -> str:
        return self.url


Location = Path | RemotePath


def location(text: str | Path) -> Location:
    """What a path or URL names."""
    return RemotePath(str(text)) if _URL.match(str(text)) else Path(text)


def below(root: Location, file: str) -> Location:
    """A file of a root, by its name there; the root itself, if that is the file."""
    if isinstance(root, RemotePath):
        return RemotePath(root.url + file) if root.folder else root
    return root if root.name == file and not root.is_dir() else root / file


def name_below(root: Location, path: Location) -> str:
    """How a root names what lies below it; '' for itself."""
    if isinstance(root, RemotePath) or isinstance(path, RemotePath):
        return str(path).removeprefix(str(root))
    return "" if path == root else path.relative_to(root).as_posix()


def spellings(what: str | Path) -> set[Location]:
    """What may be meant by a path or URL that need not exist any more."""
    given = location(what)
    if isinstance(given, RemotePath):
        return {given, RemotePath(given.url.removesuffix("/") + "/")}
    path = given.expanduser().absolute()
    # A path that is no more cannot be resolved; one that is may lead through links.
    return {path, path.resolve()}
