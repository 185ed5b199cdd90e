"""Stored state beside the indexes: conversations, cached results, runs; and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from orchestrator.types import Message, Principal, Usage


@runtime_checkable
class Conversations(Protocol):
    """Stores conversations. An id names a turn with all before it, so equal prefixes are stored once."""

    async def append(
        self, messages: Sequence[Message], *, principal: Principal, after: str | None = None
    ) -> str | None:
        """Store turns that follow the turn `after`; the id of the last one, or `after` if there are none."""
        ...

    async def read(self, conversation: str, *, principal: Principal) -> tuple[Message, ...]:
        """The turns up to this one, oldest first; empty if unknown or another principal's."""
        ...


@runtime_checkable
class Cache(Protocol):
    """Cache of node results. An entry is invalidated when one of its `sources` (document ids) changes."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(
        self, key: str, value: bytes, *, sources: Iterable[str] = (), seconds: float | None = None
    ) -> None: ...


#: How a run stands or ended.
RunStatus = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run's trace: a node's call. `reads` and `writes` hold ids and summaries, never texts.

    `started` is seconds since the run began; `seconds` how long the node took, waiting included.
    """

    path: str
    started: float
    seconds: float
    reads: Mapping[str, Any]
    writes: Mapping[str, Any]
    usage: Usage
    cached: bool = False
    attempts: int = 1
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A stored run. `plan` is the fingerprint of the workflow that it began with.

    `input` (values by slot) and `output` (type and value) are plain JSON; `created` is in seconds
    since the epoch.
    """

    id: str
    workflow: str
    plan: str
    durability: str
    principal: Principal
    status: RunStatus = "running"
    created: float = 0.0
    seconds: float = 0.0
    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None
    degraded: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    steps: tuple[StepRecord, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunLease:
    """A lease on a run: until `until` (the store's time), only `owner` executes it.

    `fence` rises with every claim, and what shows an older one is refused.
    """

    run_id: str
    owner: str
    fence: int
    until: float


@runtime_checkable
class Runs(Protocol):
    """Stores runs with their traces and cited passages. Reading is filtered by the reader's principal.

    A durable run has one owner at a time. Whoever carries it on holds its lease and renews it; the lease of
    an owner that was killed runs out, and is then the next one's who claims it.
    """

    async def begin(self, run: RunRecord) -> None: ...

    async def finish(self, run: RunRecord, lease: RunLease | None = None) -> None:
        """Store the end of a run, its steps, and the text, hash and labels of each cited passage.

        With its lease, that is given back; LeaseLost, and nothing is stored, if its fence has risen.
        """
        ...

    async def claim(self, run_id: str, owner: str, *, seconds: float, after: str | None = None) -> RunLease:
        """The lease of a run: `owner`'s, if it was free, run out or `after`'s; otherwise another's.

        `after` is a former owner that is known to be dead, so that nobody waits for its lease.
        """
        ...

    async def renew(self, lease: RunLease, *, seconds: float) -> RunLease:
        """The lease for longer; LeaseLost if its fence has risen."""
        ...

    async def release(self, lease: RunLease) -> None:
        """Give a lease back; nothing if it is another's."""
        ...

    async def read(self, run_id: str, *, principal: Principal) -> RunRecord | None:
        """The run, with the citations that this reader may read; None if it is not the reader's."""
        ...

    def saver(self, serializer: Any) -> Any:
        """The LangGraph checkpointer that holds the state of durable runs, written by `serializer`."""
        ...


@runtime_checkable
class StateStore(Protocol):
    """The database of all stored state: pruning, backup, restore and integrity checks."""

    @property
    def name(self) -> str:
        """Which database, for people; without a password."""
        ...

    async def prune(self, now: float, keep: Mapping[str, float], *, cache: bool = False) -> None:
        """Delete what was last written before `now` less the days that `keep` gives its kind.

        With `cache`, all cached results go.
        """
        ...

    def backup(self, path: Path) -> None:
        """Copy the state to `path` as it is at one moment."""
        ...

    def restore(self, copy: Path) -> None:
        """Put a copy in the place of what there is; BadInput if it is no sound copy."""
        ...

    def archived_indexes(self, copy: Path) -> tuple[Any, ...]:
        """The indexes (`ArchivedIndex`) that a copy names."""
        ...

    def faults(self) -> Iterable[str]:
        """Damage in the database itself, in sentences; nothing if it is intact."""
        ...

    def archived_edition(self, copy: Path) -> str | None:
        """The edition of the recommenders that a copy names."""
        ...


@runtime_checkable
class Clock(Protocol):
    """The clock: current time in seconds, replaceable in tests."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...
