"""What a streamed run says while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.types import Usage

if TYPE_CHECKING:
    from orchestrator.graph.run.result import RunResult


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node began, `at` seconds after the run did."""

    path: str
    at: float


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node ended after `seconds`, having used models as `usage` says."""

    path: str
    at: float
    seconds: float
    usage: Usage = field(default_factory=Usage)
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the text that the user reads; the pieces together are the answer's text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A node begins anew: what it has said so far does not count."""

    path: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: what the run returned."""

    result: RunResult


Event = NodeStarted | NodeFinished | Text | Restarted | Finished
