"""The settings of S3."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class S3Settings(BaseModel):
    """Where the server is, and the keys. What is left out is taken from AWS's own variables and files.

    These are `AWS_ENDPOINT_URL`, `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    `AWS_SESSION_TOKEN`, `AWS_PROFILE` and `~/.aws`, and the role of the host. `anonymous` reads public
    buckets without keys. `timeout` is for one request, in seconds, of which each is tried `attempts` times.
    `artifacts` is the URL below which artifacts are, such as `s3://models/orchestrator`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint_url: str | None = None
    region: str | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    session_token: SecretStr | None = None
    anonymous: bool = False
    timeout: float = Field(default=30.0, gt=0)
    attempts: int = Field(default=5, ge=1, le=20)
    artifacts: str | None = Field(default=None, pattern=r"^s3://[^/]+")

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key belong together")
        return self
