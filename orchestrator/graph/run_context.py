"""The run, as a node sees it: who asks, what is left to spend, and how to speak before the end."""

from __future__ import annotations

from typing import Any, Protocol

from orchestrator.types import Principal


class RunView(Protocol):
    """What a node's view of its run is made of; see `orchestrator.graph.run.state`."""

    run_id: str
    principal: Principal
    cancelled: bool

    def remaining(self) -> float | None: ...

    def exhausted(self) -> bool: ...

    def emit(self, path: str, text: str) -> None: ...

    def degrade(self, reason: str) -> None: ...


class Run:
    """A node's view of the run that it is part of. Ask for it with a parameter `run: Run`."""

    __slots__ = ("_best", "_notes", "_path", "_state", "stopped")

    def __init__(self, state: RunView, path: str, notes: dict[str, Any] | None = None) -> None:
        self._state = state
        self._path = path
        self._notes: dict[str, Any] = {} if notes is None else notes
        self._best: tuple[Any, ...] = ()
        self.stopped = False

    @property
    def run_id(self) -> str:
        """The id under which the run is kept."""
        return self._state.run_id

    @property
    def principal(self) -> Principal:
        """The principal of the run, whose access rights hold."""
        return self._state.principal

    @property
    def remaining(self) -> float | None:
        """Seconds until the deadline, never negative; None without one."""
        return self._state.remaining()

    @property
    def exhausted(self) -> bool:
        """Whether time, calls or tokens have run out."""
        return self._state.exhausted()

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled. Code in a thread polls this."""
        return self.stopped or self._state.cancelled

    def emit(self, text: str) -> None:
        """Send text to the user now, from any thread; the node's result must end up saying the same.

        A node that is tried again begins again. What an attempt says after it was given up is not sent.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"run.emit was given {text!r}, which is no text")
        if not self.stopped:
            self._state.emit(self._path, text)

    def degrade(self, reason: str) -> None:
        """Report a degraded result, with the reason."""
        if not self.stopped:
            self._state.degrade(reason)

    def note(self, value: Any) -> None:
        """Keep a value in the trace of this step, beside what the node writes: one of each type, the last.

        It is no part of the state: no other node reads it, and a step whose result was kept has none. The
        trace holds what the value says of itself (`Traced`); `RunResult.noted` has the value.
        """
        if not self.stopped:
            self._notes[type(value).__name__] = value

    def offer(self, value: Any) -> None:
        """Report the best result so far, which the engine uses if the budget runs out in this node."""
        self._best = (value,)

    @property
    def best(self) -> tuple[Any, ...]:
        """The value reported last by `offer`, or an empty tuple."""
        return self._best
