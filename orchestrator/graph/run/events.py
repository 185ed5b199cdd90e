"""The events of a streamed run."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.graph.run.result import RunResult
from orchestrator.types import Usage


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
    """A piece of the text that the user reads.

    The pieces together, without those that a later `Restarted` of their path made void, are the answer's
    text: where a node did not say it itself, as one that was cached, the engine sends it at the end.
    """

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The text that `path` has sent so far is void: it is written again, or stands no longer in the answer.

    A node that is tried again after it has spoken is restarted; so is one whose result is not what it said.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: what the run returned."""

    result: RunResult


#: What a streamed run yields, in the order in which it happens; the last one is `Finished`.
Event = NodeStarted | NodeFinished | Text | Restarted | Finished
