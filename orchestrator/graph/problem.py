"""Something that no graph can use, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What was found against what was expected, and the next step; the check adds where it is."""

    problem: str
    fix: str
