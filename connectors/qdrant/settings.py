"""The settings of the Qdrant store."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class QdrantSettings(BaseModel):
    """Where the server is, and how collections are made, written and searched.

    `prefix` begins the name of every collection. `timeout` is for one request, in seconds, of which each is
    tried `attempts` times. Points are written `batch` at a time, `parallel` batches at once. `shards` and
    `replicas` are those of a cluster. `quantisation` is how a search that has a graph first looks at
    vectors; `oversampling` times as many as asked are then compared exactly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "http://127.0.0.1:6333"
    api_key: SecretStr | None = None
    prefix: str = Field(default="orchestrator", pattern=r"^[A-Za-z0-9_-]+$")
    timeout: int = Field(default=30, ge=1)
    attempts: int = Field(default=5, ge=1, le=20)
    batch: int = Field(default=256, ge=1)
    parallel: int = Field(default=4, ge=1, le=64)
    shards: int | None = Field(default=None, ge=1)
    replicas: int = Field(default=1, ge=1)
    quantisation: Literal["int8", "binary", "none"] = "int8"
    oversampling: float = Field(default=1.5, ge=1.0, le=100.0)
