"""Trainings and refreshes are jobs: one at a time writes a recommender, and what stops one is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrator.errors import LeaseLost, StoreError
from orchestrator.interactions.log_files import read_log
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import Job, JobEffects, JobScope, Ledger, RunningJob
from orchestrator.progress import Progress
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.editions.refresh import Refreshed, refresh
from orchestrator.recommendation.editions.training import Trained, train

#: The recommender that an application has.
RECOMMENDER = JobScope("recommender", "default")


@runtime_checkable
class TrainingContext(Protocol):
    """What a training is given, and who is told how far it is."""

    @property
    def editions(self) -> Editions: ...

    def progress(self, done: int, total: int, doing: str, /) -> None:
        """As `Progress`."""
        ...

    def finished(self, ranker: str) -> None:
        """A ranker is trained, or carried over."""
        ...


@dataclass
class LocalTraining:
    """The `TrainingContext` of this process. `error` is what stopped the work last."""

    editions: Editions
    progress: Progress
    finished: Callable[[str], None]
    error: Exception | None = field(default=None, init=False)


def train_job(job: Job, context: TrainingContext, running: RunningJob) -> JobEffects:
    """Train rankers on a log, and put them into use."""
    told = job.payload.read()

    def work() -> Mapping[str, Any]:
        return asdict(
            train(
                read_log(Path(told["data"])),
                context.editions.without(told["without"]),
                rankers=told["rankers"],
                settings=told["settings"],
                seed=told["seed"],
                only=told["only"],
                progress=_held(running, context.progress),
                finished=_counted(running, context.finished),
            )
        )

    return _done(context, work)


def refresh_job(job: Job, context: TrainingContext, running: RunningJob) -> JobEffects:
    """Carry the rankers in use over to a changed log, and put them into use."""
    data = Path(job.payload["data"])

    def work() -> Mapping[str, Any]:
        finished = _counted(running, context.finished)
        return asdict(refresh(read_log(data), context.editions, finished=finished))

    return _done(context, work)


async def train_locally(
    ledger: Ledger, context: LocalTraining, payload: Mapping[str, Any], *, wait: float
) -> Trained:
    """Submit a training and do it in this process; IndexBusy if another writes the recommender for so long.

    `payload` has the folder `data`, and `rankers`, `without`, `settings`, `seed` and `only` as `train` has.
    """
    return _trained(await _done_locally(ledger, context, "train", payload, wait=wait))


async def refresh_locally(ledger: Ledger, context: LocalTraining, data: Path, *, wait: float) -> Refreshed:
    """Submit a refresh and do it in this process; IndexBusy if another writes the recommender for so long."""
    told = await _done_locally(ledger, context, "refresh", {"data": str(data)}, wait=wait)
    return Refreshed(_trained(told["trained"]), told["new"], told["gone"])


async def _done_locally(
    ledger: Ledger, context: LocalTraining, kind: str, payload: Mapping[str, Any], *, wait: float
) -> Mapping[str, Any]:
    async with write_lock(ledger, RECOMMENDER, wait=wait, progress=context.progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), {TrainingContext: context})
        local = LocalRunner(RECOMMENDER, lock, runner, None, context.progress)
        try:
            (job,) = await local.there(
                kind, [payload], total=len(payload.get("rankers", ())), doing=kind, unit="rankers"
            )
        except StoreError:
            # Whoever trains here is told what it was, and not only that a job is dead.
            if context.error is None or isinstance(context.error, LeaseLost):
                raise
            raise context.error from None
    return {} if job.effects is None else job.effects.read()


def _done(context: TrainingContext, work: Callable[[], Mapping[str, Any]]) -> JobEffects:
    try:
        return JobEffects.of(work())
    except Exception as error:
        if isinstance(context, LocalTraining):
            context.error = error
        raise


def _held(running: RunningJob, progress: Progress) -> Progress:
    """Progress that asks before each new step whether the job is still held: LeaseLost if it is not."""
    last = ""

    def tell(done: int, total: int, doing: str) -> None:
        nonlocal last
        if doing != last:
            running.extend(0.0)
            last = doing
        progress(done, total, doing)

    return tell


def _counted(running: RunningJob, finished: Callable[[str], None]) -> Callable[[str], None]:
    def tell(ranker: str) -> None:
        running.extend(0.0)
        running.count(rankers=1)
        finished(ranker)

    return tell


def _trained(told: Mapping[str, Any]) -> Trained:
    """A report as it was before it went through JSON."""
    told = {**told, "rankers": tuple(told["rankers"]), "notes": tuple(told["notes"])}
    return Trained(**told)
