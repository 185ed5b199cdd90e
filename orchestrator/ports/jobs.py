"""Background jobs, their leases, and the ledger that stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from orchestrator.json_object import JsonObject

#: Where a job stands; a dead one failed three times and is not tried again by itself.
JobState = Literal["pending", "running", "done", "failed", "dead"]
#: The states of jobs that may still be worked on.
ACTIVE: tuple[JobState, ...] = ("pending", "failed", "running")


#: What the keys of jobs begin with that somebody submitted, to be run by whatever worker there is.
SUBMITTED = "submitted:"
#: What the keys of the parts of such a job begin with, which any worker may do. All other jobs belong to a
#: command at work, and end with it.
PARTS = "order-"


def order_prefix(order: int) -> str:
    """What the keys of the parts of a job begin with."""
    return f"{PARTS}{order}:"


@dataclass(frozen=True, slots=True)
class JobScope:
    """The scope of a job: the kind and name of what it changes, such as an index or a recommender.

    A scope has one writer at a time. `kind` is the first part of the names of its handlers.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Job:
    """A background job, as stored in the ledger.

    `key` makes it idempotent: one job a key. `kind` and the kind of `scope` name its handler. `fence`
    rises with every lease, and a commit that shows an older one is refused. `started`, `beat` and
    `progress` are of its last attempt: when it began, when it last gave a sign, and what it had done then.
    """

    id: int
    key: str
    kind: str
    scope: JobScope
    payload: JsonObject = JsonObject()  # noqa: RUF009  # it cannot change
    state: JobState = "pending"
    attempt: int = 0
    fence: int = 0
    lease_until: float = 0.0
    error: str | None = None
    effects: JsonObject | None = None
    worker: str | None = None
    created: float = 0.0
    changed: float = 0.0
    started: float | None = None
    beat: float | None = None
    progress: JsonObject = JsonObject()  # noqa: RUF009  # it cannot change

    @property
    def name(self) -> str:
        """The name of its handler, as in `index.read`."""
        return f"{self.scope.kind}.{self.kind}"

    @property
    def order(self) -> int | None:
        """The number of the job that it is a part of; None if it is no part."""
        number = self.key.removeprefix(PARTS).partition(":")[0]
        return int(number) if self.key.startswith(PARTS) and number.isdigit() else None


@dataclass(frozen=True, slots=True)
class WorkerPresence:
    """A worker that is there: its release, when it began, when it last gave a sign, and the job that it does.

    `skew` is how many seconds its clock is ahead of the ledger's.
    """

    name: str
    version: str
    started: float
    beat: float
    job: int | None = None
    skew: float = 0.0

    @property
    def seen(self) -> float:
        """When it last gave a sign, by the ledger's clock."""
        return self.beat - self.skew


@runtime_checkable
class Ledger(Protocol):
    """The ledger of background jobs: their states, leases and results. Brokers only carry ids.

    Attempts are counted before work begins; the third failure makes a job `dead`: visible, and
    retryable by hand. A lease that runs out gives the job to the next who asks.
    """

    def submit(
        self, kind: str, scope: JobScope, key: str, payload: Mapping[str, Any], *, order: Job | None = None
    ) -> Job:
        """The job of this key, made pending if there is none.

        With `order`, it is part of that one: LeaseLost if the order's lease is another's by now.
        """
        ...

    def claim(
        self,
        worker: str,
        *,
        seconds: float,
        scope: JobScope | None = None,
        job: int | None = None,
        prefix: str = "",
        names: Sequence[str] = (),
    ) -> Job | None:
        """The oldest job that is pending or whose lease ran out; only this `job`, if a broker named one.

        `prefix` is what its key begins with; `names` are the handlers it may need, all if there are none.
        """
        ...

    def renew(
        self,
        job: Job,
        *,
        seconds: float,
        progress: Mapping[str, Any] | None = None,
        advanced: bool = False,
    ) -> None:
        """Extend the lease; LeaseLost if it is another's by now.

        `progress` is how far the job is. One that `advanced` has all its attempts again.
        """
        ...

    def note(self, job: Job, progress: Mapping[str, Any]) -> None:
        """Record how far this attempt got, also after its end; nothing if there was another since."""
        ...

    def give_back(self, job: Job, *, rest: float = 0.0, progress: Mapping[str, Any] | None = None) -> None:
        """Make a leased job pending again, as if it had not been tried; it rests for so many seconds.

        Nothing if the lease is another's by now.
        """
        ...

    def finish(self, job: Job, effects: Mapping[str, Any]) -> None:
        """Record that the job is done, and its effects; LeaseLost if the fence has risen."""
        ...

    def fail(self, job: Job, error: str, *, final: bool = False) -> Job: ...

    def cancel(self, job_id: int) -> Job:
        """Cancel an unfinished job: it becomes dead, publishes nothing and is not tried again."""
        ...

    def retry(self, job_id: int) -> Job:
        """Retry a failed or dead job, with all its attempts."""
        ...

    def jobs(
        self,
        *,
        scope: JobScope | None = None,
        states: Sequence[JobState] = (),
        prefix: str = "",
        parts: bool = True,
        brief: bool = False,
        last: int | None = None,
    ) -> list[Job]:
        """Jobs in the order of their submission, without those that are `parts` of others if not wanted.

        `brief` leaves out payloads, `last` all but the newest so many.
        """
        ...

    def job(self, job_id: int) -> Job:
        """The job of a number; BadInput if there is none."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many jobs there are in each state that any is in."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when there may be something to claim, or after so many seconds."""
        ...

    def mend(self, job_id: int, state: JobState, reason: str) -> None:
        """Put a job that contradicts itself into a state, `pending` with all attempts; who does it stops."""
        ...

    def appear(self, presence: WorkerPresence) -> None:
        """Record that a worker is there."""
        ...

    def vanish(self, worker: str) -> None:
        """Forget a worker that ends."""
        ...

    def workers(self) -> list[WorkerPresence]:
        """The workers that gave a sign within a day, by name."""
        ...

    def hold(self, name: str, owner: str, *, seconds: float, after: str | None = None) -> str:
        """Take the lease `name` for `owner`, if it is free, expired or `after`'s; returns the holder.

        `after` is a former owner that is known to be dead, so that nobody waits for its lease.
        """
        ...

    def release(self, name: str, owner: str) -> None:
        """Give the lease back; nothing if it is another's."""
        ...


@dataclass(frozen=True, slots=True)
class JobEffects:
    """The result of a job's handler, as JSON values by name."""

    values: JsonObject = JsonObject()  # noqa: RUF009  # it cannot change

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> JobEffects:
        """The effects of a mapping; BadInput if a value in it has no form in JSON."""
        return cls(JsonObject.of(values))


@runtime_checkable
class RunningJob(Protocol):
    """The job that a handler does: its lease is renewed while it runs, and somebody may watch it.

    Losing the lease shows when the handler publishes, or finishes: that is a LeaseLost.
    """

    def extend(self, seconds: float) -> None:
        """Let the lease last so much longer from now on, for what may stop this process's threads so long."""
        ...

    def count(self, **done: int) -> None:
        """So much more is done: `count(files=1)`, `count(passages=250)`."""
        ...

    def report(self, done: int, total: int, doing: str) -> None:
        """How much is done of all there is, and what is being done, in words: a `Progress`."""
        ...
