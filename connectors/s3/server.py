"""A server of S3's protocol: its client, and its errors as ours."""

from __future__ import annotations

import errno
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput, OrchestratorError, SettingsError, StoreError

if TYPE_CHECKING:
    from connectors.s3.settings import S3Settings

_TABLE = "[connectors.s3]"


class S3Server:
    """A client of a server, for any number of threads. Nothing that it was told is kept."""

    def __init__(self, table: S3Settings) -> None:
        s3fs: Any = import_module("s3fs")
        self._endpoint = table.endpoint_url
        secrets = {"key": table.access_key, "secret": table.secret_key, "token": table.session_token}
        #: The file system, whose paths are a bucket's name, `/` and a key.
        self.files: Any = s3fs.S3FileSystem(
            anon=table.anonymous,
            endpoint_url=table.endpoint_url,
            client_kwargs={"region_name": table.region} if table.region else {},
            config_kwargs={
                "connect_timeout": table.timeout,
                "read_timeout": table.timeout,
                "retries": {"max_attempts": table.attempts, "mode": "standard"},
            },
            use_listings_cache=False,
            skip_instance_cache=True,
            **{name: value.get_secret_value() for name, value in secrets.items() if value is not None},
        )

        # Else each attempt would be five of its own.
        self.files.retries = 1

    def list(self, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        """The objects whose keys begin so, in pages of 1,000 of which one is held at a time."""
        more: dict[str, str] = {}
        while True:
            page = self.files.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
            yield from page.get("Contents", ())
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    @contextmanager
    def told(self, url: str, what: str) -> Generator[None]:
        """Errors of the server as ours: what was to be done with which URL, and the next step."""
        try:
            yield
        except OrchestratorError:
            raise
        except Exception as error:
            raise self._error(error, url, what) from error

    def _error(self, error: Exception, url: str, what: str) -> OrchestratorError:
        code = error_code(error)
        server = self._endpoint or "S3"
        if code == "NoSuchBucket" or "bucket is not valid" in str(error) or "bucket name" in str(error):
            return BadInput(
                f"{server} has no bucket of {url!r}.",
                hint=f"Correct the URL, or `endpoint_url` in {_TABLE}; nothing was removed from the index.",
            )
        if isinstance(error, PermissionError):
            return StoreError(
                f"{url!r} may not be {what} with these keys ({code or 'forbidden'}).",
                hint="Allow them s3:ListBucket and s3:GetObject, and s3:PutObject and s3:DeleteObject for "
                f"artifacts; or set others, in {_TABLE} or by AWS's variables.",
            )
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
            return SettingsError(
                f"There are no keys for {url!r} ({type(error).__name__}).",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `access_key` and `secret_key` in "
                f"{_TABLE}; or `anonymous = true` for a public bucket.",
            )
        return StoreError(
            f"{url!r} cannot be {what}: {server} gives no good answer ({code or type(error).__name__}).",
            hint=f"Start the server, or correct `endpoint_url` in {_TABLE}, and try again: "
            "what was indexed stays.",
        )


def error_code(error: BaseException) -> str:
    """The name that the server gave an error, or ''."""
    for each in (error, error.__cause__):
        response: Any = getattr(each, "response", None)
        if response:
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def refused_as_taken(error: Exception) -> bool:
    """Whether an object was not written because there is one of its name."""
    return isinstance(error, OSError) and (
        error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict")
        or (error.errno == errno.EINVAL and "pre-condition" in str(error))
    )


def bucket_and_key(url: str) -> tuple[str, str]:
    """The parts of an s3:// URL."""
    bucket, _, key = url.partition("://")[2].partition("/")
    return bucket, key
