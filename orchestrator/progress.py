"""How long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable

#: Told what is done, how much there is, and what is being done, in words.
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, doing: str) -> None:
    """Report nothing: for work that nobody watches."""
