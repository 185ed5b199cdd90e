"""One piece of advice of the check, and graphs before and after it was taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fix:
    """A fault's text, a graph that has it, and the same graph with the advice taken."""

    advice: str
    before: Callable[[], object]
    after: Callable[[], object]
    #: What the application provides behind the fix; None checks without ports.
    ports: tuple[object, ...] | None = None


class Fixes(list[Fix]):
    """Advice of one kind."""

    def add(
        self,
        advice: str,
        before: Callable[[], object],
        after: Callable[[], object],
        ports: tuple[object, ...] | None = None,
    ) -> None:
        """Take one row in."""
        self.append(Fix(advice, before, after, ports))
