"""Token usage of a model call in progress, known even if the call fails."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from orchestrator.errors import OrchestratorError
from orchestrator.types import Usage


class Spending:
    """Adds up the usage of a call's requests: `with Spending() as spending: …; spending.add(usage)`.

    An error that leaves the block carries the sum in `spent`, with what it carried already.
    """

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()

    def add(self, usage: Usage) -> None:
        """Add the usage of one or more answered requests."""
        self.usage += usage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OrchestratorError):
            error.spent = self.usage if error.spent is None else self.usage + error.spent
