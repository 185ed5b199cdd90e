"""A fault of a workflow, found before it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: `node` is where it is, `problem` what was found and expected, `fix` the next step."""

    node: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.node}: {self.problem}. Fix: {self.fix}."
