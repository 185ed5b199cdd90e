"""The budget of a run: time, model calls, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.errors import BadInput

#: The longest time that can be waited for, in seconds: a century.
_LONGEST = 3.2e9


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of a run: `seconds` from its start, model `calls`, model `tokens`. None is no limit.

    When it runs out, nodes return their best so far, and `each` and `fuse` yield what is done. `grace` is
    one for the whole run: `seconds + grace` after its start, whatever has nothing to return is stopped
    and the run fails.
    """

    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    grace: float = 5.0

    def __post_init__(self) -> None:
        if self.seconds is not None:
            _check_seconds("seconds", self.seconds, above_zero=True)
        _check_seconds("grace", self.grace, above_zero=False)
        for name, limit in (("calls", self.calls), ("tokens", self.tokens)):
            if limit is not None and (type(limit) is not int or limit < 0):
                raise BadInput(
                    f"Budget({name}={limit!r}) is no budget.",
                    hint=f"Give {name} as a whole number of 0 or more, or None for no limit.",
                )


def _check_seconds(name: str, given: Any, *, above_zero: bool) -> None:
    """Refuse what is no finite number of seconds; True and False are numbers to Python alone."""
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if number and (0 < given <= _LONGEST or (given == 0 and not above_zero)):
        return
    wanted = "a finite number above 0, or None for no limit" if above_zero else "a finite number of 0 or more"
    if number and given > _LONGEST:
        wanted = "3.2e9 (a century) or less" + (", or None for no limit" if above_zero else "")
    raise BadInput(f"Budget({name}={given!r}) is no budget.", hint=f"Give {name} as {wanted}.")
