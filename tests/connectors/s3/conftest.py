"""An S3 server, and buckets of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.services.seaweed import KEY, SECRET, WRITER_KEY, WRITER_SECRET, NoSeaweed, SeaweedServer

#: The one bucket of a server: for each it makes files of their own, which takes time.
_BUCKET = "tests"


@dataclass(frozen=True)
class Folder:
    """A folder of a bucket, and what puts objects into it."""

    server: SeaweedServer
    bucket: str
    name: str
    files: Any

    @property
    def url(self) -> str:
        """Its URL, with a `/` at the end."""
        return f"s3://{self.bucket}/{self.name}/"

    @property
    def table(self) -> dict[str, Any]:
        """The settings of the connector."""
        keys = {"access_key": KEY, "secret_key": SECRET}
        return {"endpoint_url": self.server.url, "region": "us-east-1", "attempts": 2, **keys}

    @property
    def forbidden(self) -> dict[str, Any]:
        """Settings with keys that may only write."""
        return {**self.table, "access_key": WRITER_KEY, "secret_key": WRITER_SECRET}

    def put(self, key: str, text: str = "") -> None:
        """Put an object of a text."""
        self.files.call_s3("put_object", Bucket=self.bucket, Key=f"{self.name}/{key}", Body=text.encode())

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.files.call_s3("delete_object", Bucket=self.bucket, Key=f"{self.name}/{key}")

    def listed(self) -> list[str]:
        """The keys of all objects, up to 1,000."""
        page = self.files.call_s3("list_objects_v2", Bucket=self.bucket, Prefix=f"{self.name}/")
        return [each["Key"].removeprefix(f"{self.name}/") for each in page.get("Contents", ())]


@pytest.fixture(scope="session")
def seaweed() -> Generator[SeaweedServer]:
    """A server for all tests of the session."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: the extra `s3` has it")
    try:
        made = SeaweedServer()
    except NoSeaweed as error:
        pytest.skip(str(error))
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def s3_folder(seaweed: SeaweedServer) -> Folder:
    """An empty folder."""
    from connectors.s3.server import S3Server
    from connectors.s3.settings import S3Settings

    made = Folder(seaweed, _BUCKET, uuid.uuid4().hex, None)
    files = S3Server(S3Settings(**made.table)).files
    if not files.exists(_BUCKET):
        files.mkdir(_BUCKET)
    return replace(made, files=files)
