"""How a node is run: timeout, attempts, caching."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How a node is run: `timeout` in seconds an attempt, `attempts` in all, `cache` in seconds.

    Attempts follow each other with exponential backoff and jitter, and only after errors that may
    pass: an `OrchestratorError` marked retryable, a timeout, a lost connection.
    """

    timeout: float | None = None
    attempts: int = 1
    cache: float | None = None
