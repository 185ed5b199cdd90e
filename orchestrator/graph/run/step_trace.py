"""One call of a node as it happened, while its run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.types import Usage

_NOTHING = Usage()


@dataclass(slots=True)
class StepTrace:
    """One call as it happened; values are held by reference and summarised only when they are read.

    `notes` are values that the node told beside what it writes, by the name of their type.
    """

    path: str
    started: float
    reads: Mapping[str, Any]
    seconds: float = 0.0
    writes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    usage: Usage = _NOTHING
    cached: bool = False
    attempts: int = 1
    error: str | None = None
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
