"""What a run may spend: time, model calls, tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend: `seconds` from its start, model `calls`, model `tokens`. None is no limit.

    When it runs out, nodes return their best so far. `grace` seconds after the deadline, a node
    that still has nothing to return is stopped and the run fails.
    """

    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    grace: float = 5.0
