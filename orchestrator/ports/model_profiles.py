"""Model profiles: what was measured of language models, for nodes that choose by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What a measurement found of the model that answers by the name `model` (`resolved_name`).

    `strategy` is the reranking strategy that it is recommended for; `measured` in seconds since the epoch.
    """

    model: str
    strategy: str
    measured: float = 0.0


@runtime_checkable
class ModelProfiles(Protocol):
    """Stores one profile a model; a later one takes the place of an earlier one."""

    async def read(self, model: str) -> ModelProfile | None:
        """The profile of the model of this name; None if none was measured."""
        ...

    async def keep(self, profile: ModelProfile) -> None:
        """Store a profile."""
        ...
