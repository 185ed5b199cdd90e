"""Artifacts on S3, which all hosts share; each keeps copies of those that it opened."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.s3.server import S3Server, bucket_and_key, refused_as_taken
from orchestrator.errors import BadInput, StoreError
from orchestrator.ports.artifacts import check_artifact_name

#: What is below these: what artifacts consist of, their files, and what says that somebody is at work.
_MANIFESTS, _DATA, _UNFINISHED = "manifests", "data", "unfinished"
#: Seconds after which who was at work is taken for dead; writing takes minutes.
_GIVEN_UP = 86_400.0
_CONTENT = re.compile(r"[0-9a-f]{32}\Z")


class S3Artifacts:
    """The `ArtifactStore` port on S3, below a URL; copies are kept in the folder `local`.

    The files of an artifact are written under a name of their own, and then a manifest with their checksums,
    which is refused if there is one. So all of it appears at once.
    """

    def __init__(self, server: S3Server, url: str, local: Path) -> None:
        self._server = server
        self._files = server.files
        self._url = url.rstrip("/")
        self._bucket, self._prefix = bucket_and_key(self._url)
        self._local = local

    @contextmanager
    def create(self, name: str) -> Generator[Path]:
        """An empty folder of this host to fill, which is written to S3 at the end of the block."""
        check_artifact_name(name)
        if self._manifest(name) is not None:
            raise BadInput(
                f"There is an artifact {name!r} already.", hint="Artifacts never change: take another name."
            )
        with tempfile.TemporaryDirectory(prefix="orchestrator-artifact-") as folder:
            yield Path(folder)
            with self._server.told(self._url, "written"):
                self._write(name, Path(folder))

    def open(self, name: str) -> Path:
        """A copy of the artifact on this host, compared with its checksums when it is made."""
        check_artifact_name(name)
        manifest = self._manifest(name)
        if manifest is None:
            raise StoreError(f"There is no artifact {name!r}.", hint="Make it again.")
        copy = self._local / manifest["content"]
        if not copy.exists():
            with self._server.told(self._url, "read"):
                self._copied(name, manifest, copy)
        return copy

    def names(self, prefix: str = "") -> list[str]:
        """The artifacts whose names begin so."""
        start = self._key(_MANIFESTS, "")
        with self._server.told(self._url, "listed"):
            return sorted(
                found["Key"].removeprefix(start) for found in self._server.list(self._bucket, start + prefix)
            )

    def delete(self, name: str) -> None:
        """Take its manifest away first, so that nobody opens half of it."""
        check_artifact_name(name)
        manifest = self._manifest(name)
        if manifest is None:
            return
        content = manifest["content"]
        with self._server.told(self._url, "deleted"):
            self._put(self._key(_UNFINISHED, content), name.encode())
            self._remove(self._key(_MANIFESTS, name))
            self._discard(content)
        shutil.rmtree(self._local / content, ignore_errors=True)

    # -- how -----------------------------------------------------------------------------------

    def _write(self, name: str, folder: Path) -> None:
        self._sweep()
        content = uuid.uuid4().hex
        self._put(self._key(_UNFINISHED, content), name.encode())
        files: dict[str, str] = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            file = path.relative_to(folder).as_posix()
            files[file] = _checksum(path)
            self._files.put_file(str(path), f"{self._bucket}/{self._key(_DATA, content, file)}")
        manifest = json.dumps({"content": content, "files": files}).encode()
        try:
            self._put(self._key(_MANIFESTS, name), manifest, IfNoneMatch="*")
        except Exception as error:
            if not refused_as_taken(error):
                raise
            self._discard(content)
            raise StoreError(
                f"The artifact {name!r} was made by another meanwhile.",
                hint="Take that one, or another name.",
            ) from error
        self._remove(self._key(_UNFINISHED, content))

    def _copied(self, name: str, manifest: dict[str, Any], copy: Path) -> None:
        self._local.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._local, prefix=".unfinished-") as place:
            building = Path(place) / "files"
            building.mkdir()
            for file, checksum in manifest["files"].items():
                to = building / file
                to.parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(f"{self._bucket}/{self._key(_DATA, manifest['content'], file)}", str(to))
                if _checksum(to) != checksum:
                    raise StoreError(
                        f"The file {file!r} of the artifact {name!r} is damaged.",
                        hint="Delete the artifact, and make it again.",
                    )
            # Onto a copy that another process made meanwhile this fails, and that one is as good.
            with suppress(OSError):
                building.rename(copy)
        if not copy.exists():
            raise StoreError(
                f"The artifact {name!r} could not be copied to this host.", hint="Check the disk."
            )

    def _manifest(self, name: str) -> dict[str, Any] | None:
        with self._server.told(self._url, "read"):
            try:
                return self._known(json.loads(self._files.cat_file(self._path(_MANIFESTS, name))))
            except FileNotFoundError:
                # As every one in a bucket that is not there: writing says so, and listing.
                return None

    def _known(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """A manifest whose names lead nowhere else: others may write into the bucket."""
        files = manifest["files"]
        if not _CONTENT.match(manifest["content"]) or any(
            part in ("", ".", "..") for file in files for part in file.split("/")
        ):
            raise StoreError("The manifest of an artifact is damaged.", hint="Delete it, and make it again.")
        return manifest

    def _sweep(self) -> None:
        """Delete what those left who were killed at work a day ago."""
        now = datetime.now(UTC)
        start = self._key(_UNFINISHED, "")
        for found in list(self._server.list(self._bucket, start)):
            if (now - found["LastModified"]).total_seconds() < _GIVEN_UP:
                continue
            content = found["Key"].removeprefix(start)
            name = self._files.cat_file(f"{self._bucket}/{found['Key']}").decode()
            manifest = self._manifest(name)
            if manifest is not None and manifest["content"] == content:
                self._remove(found["Key"])
            else:
                self._discard(content)

    def _discard(self, content: str) -> None:
        """Delete files that belong to no artifact, and last what says so."""
        for found in list(self._server.list(self._bucket, self._key(_DATA, content, ""))):
            self._remove(found["Key"])
        self._remove(self._key(_UNFINISHED, content))

    def _put(self, key: str, content: bytes, **conditions: str) -> None:
        self._files.call_s3("put_object", Bucket=self._bucket, Key=key, Body=content, **conditions)

    def _remove(self, key: str) -> None:
        self._files.call_s3("delete_object", Bucket=self._bucket, Key=key)

    def _key(self, *parts: str) -> str:
        return "/".join((self._prefix, *parts) if self._prefix else parts)

    def _path(self, *parts: str) -> str:
        return f"{self._bucket}/{self._key(*parts)}"


def _checksum(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
