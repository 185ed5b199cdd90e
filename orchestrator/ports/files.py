"""Files that lie in a store of objects, or elsewhere outside of this host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file by its URL, with its size in bytes. `version` is another one whenever its content is."""

    url: str
    size: int
    version: str


@runtime_checkable
class RemoteFiles(Protocol):
    """Lists and fetches the files of URLs of one scheme, which is the name of the connector: `s3`.

    Its methods are called from several threads at once.
    """

    def find(self, url: str) -> Iterator[RemoteFile]:
        """The files below a URL that ends in `/`; of any other URL, the file itself, if there is one.

        BadInput if there is no such place, StoreError if it cannot be listed.
        """
        ...

    def fetch(self, url: str, to: Path, largest: int) -> RemoteFile:
        """Copy a file to `to`, all of it of the version that is returned.

        UnreadableFile if it is gone, is forbidden, or holds more than `largest` bytes; StoreError if the
        place cannot be reached.
        """
        ...
