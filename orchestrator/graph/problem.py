"""Something that no graph can use, and what to write instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

from orchestrator.errors import told_error

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Problem:
    """What was found against what was expected, and the next step; the check adds where it is."""

    problem: str
    fix: str


def raised(error: Exception) -> Problem:
    """The problem of a value whose own code raised where the graph only looked at it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_qualname} raised " if trace is not None else ""
    return Problem(
        f"cannot be looked at: {where}{told_error(error)}",
        "let a value raise nothing where it is compared, hashed, shown, walked through or asked for a name",
    )


def judged(judge: Callable[P, Problem | None]) -> Callable[P, Problem | None]:
    """Let a judge of values, whose code is anybody's, give a problem where that code raises."""

    @functools.wraps(judge)
    def safely(*args: P.args, **kwargs: P.kwargs) -> Problem | None:
        try:
            return judge(*args, **kwargs)
        except Exception as error:
            return raised(error)

    return safely
