"""Files to index that are objects of a bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.s3.server import S3Server, bucket_and_key
from orchestrator.errors import BadInput, UnreadableFile
from orchestrator.indexing.files import too_large
from orchestrator.ports import RemoteFile

#: Bytes that are fetched by one request: most objects are smaller.
_BLOCK = 16 * 2**20


class S3Files:
    """The `RemoteFiles` port on S3. An object's version is its ETag and size."""

    def __init__(self, server: S3Server) -> None:
        self._server = server

    def find(self, url: str) -> Iterator[RemoteFile]:
        """The objects below a prefix that ends in `/`, or the one of this key."""
        bucket, key = bucket_and_key(url)
        if not bucket:
            raise BadInput(f"{url!r} names no bucket.", hint="Give s3://bucket/folder.")
        if key and not key.endswith("/"):
            yield from self._one(url, bucket, key)
            return
        listing = self._server.list(bucket, key)
        while True:
            with self._server.told(url, "listed"):
                found = next(listing, None)
            if found is None:
                return
            yield RemoteFile(
                f"s3://{bucket}/{found['Key']}", int(found["Size"]), _version(found, int(found["Size"]))
            )

    def fetch(self, url: str, to: Path, largest: int) -> RemoteFile:
        """Copy an object. Should another one take its place meanwhile, that one is copied by the next job."""
        bucket, key = bucket_and_key(url)
        try:
            with (
                self._server.told(url, "read"),
                # All requests are for the version of the first.
                self._server.files.open(
                    f"{bucket}/{key}", "rb", block_size=_BLOCK, cache_type="readahead"
                ) as opened,
                to.open("wb") as copy,
            ):
                size = int(opened.size)
                if size > largest:
                    raise UnreadableFile(too_large(size, largest))
                shutil.copyfileobj(opened, copy, _BLOCK)
                details: Mapping[str, Any] = opened.details
        except Exception as error:
            raise _of_one_file(error) from error
        return RemoteFile(url, size, _version(details, size))

    def _one(self, url: str, bucket: str, key: str) -> Iterator[RemoteFile]:
        with self._server.told(url, "read"):
            try:
                found = self._server.files.info(f"{bucket}/{key}")
            except FileNotFoundError:
                found = None
        if found is not None and found["type"] == "file":
            yield RemoteFile(url, int(found["size"]), _version(found, int(found["size"])))


def _version(details: Mapping[str, Any], size: int) -> str:
    """What changes with an object's content: some servers have no ETag, and its date then."""
    return f"{str(details.get('ETag') or details.get('LastModified')).strip(chr(34))} {size}"


def _of_one_file(error: Exception) -> Exception:
    """An error that is of one object alone, as such."""
    cause = error.__cause__
    if isinstance(cause, FileNotFoundError) and not isinstance(error, BadInput):
        return UnreadableFile("It is not there any more.")
    if isinstance(cause, PermissionError):
        return UnreadableFile("These keys may not read it: allow them s3:GetObject.")
    if type(cause).__name__ == "FileExpired":
        return UnreadableFile("It changed while it was read; index it again.")
    return error
