"""The settings of the endpoint's limits: sizes, timeouts, concurrency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.settings import Serve


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the endpoint. Times are in seconds, sizes in bytes or characters."""

    #: Time for the first line and the headers of a request to arrive, from the beginning of a connection or,
    #: on one that was used before, from their first byte.
    headers: float = 15.0
    #: Longest body of a request.
    body: int = 1_000_000
    #: Time for a body to arrive.
    arrival: float = 30.0
    #: Longest question. A longer one is a document: searching by it holds up everybody else.
    question: int = 32_000
    #: Longest instructions: the system and developer turns together.
    instructions: int = 32_000
    #: Runs at once.
    concurrent: int = 16
    #: Runs that wait for a place.
    queued: int = 64
    #: Time that they wait.
    patience: float = 30.0
    #: Time for a run. It then answers with what it has.
    deadline: float = 60.0
    #: Silence after which a stream sends a comment, so that nothing between here and there closes it.
    keep_alive: float = 10.0
    #: Time for runs to finish when the server stops.
    grace: float = 10.0
    #: Time that an idle connection is kept open.
    idle: int = 30
    #: What is kept of a run's state: nothing, its end, or every step.
    durability: Literal["none", "exit", "step"] = "exit"

    @classmethod
    def of(cls, settings: Serve) -> Limits:
        """The limits that a user set, and the others as they are."""
        return cls(concurrent=settings.concurrent, queued=settings.queued, deadline=settings.deadline)
