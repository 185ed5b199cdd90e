"""The settings of Celery: the broker, its queues, and how long a job may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from orchestrator.jobs.job_scheduler import AGAIN, JobQueue


class QueueSettings(BaseModel):
    """The handlers whose jobs go to a queue, with `*` for any part of a name, and how many jobs a minute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[str, ...] = ("*",)
    rate: float | None = Field(default=None, gt=0)


class CelerySettings(BaseModel):
    """The broker, and the queues in the order in which they are offered a job.

    A job that takes longer than `soft_seconds` is given back, to be gone on with, and a process that does not
    end it by `hard_seconds` is killed. A message that is not acknowledged within `visibility_seconds` is
    delivered again, which does nothing as long as the job's lease is held. `again_seconds` after it was
    announced, a job that nobody claimed is announced again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    broker_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    queues: dict[str, QueueSettings] = Field(default_factory=lambda: {"orchestrator": QueueSettings()})
    soft_seconds: float = Field(default=3_600.0, gt=0)
    hard_seconds: float = Field(default=3_660.0, gt=0)
    visibility_seconds: float = Field(default=3_720.0, ge=1)
    again_seconds: float = Field(default=AGAIN, gt=0)
    #: Jobs, and KB of memory, after which a process is replaced by a new one; 0 for never.
    jobs_per_process: int = Field(default=1_000, ge=0)
    memory_per_process: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.soft_seconds >= self.hard_seconds:
            raise ValueError("soft_seconds is not below hard_seconds")
        return self

    @property
    def job_queues(self) -> Mapping[str, JobQueue]:
        """The queues as the scheduler takes them."""
        return {name: JobQueue(each.kinds, each.rate) for name, each in self.queues.items()}
