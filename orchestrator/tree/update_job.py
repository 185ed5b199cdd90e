"""Keeping the trees of an index up to date as a job: what waits is put in, stale summaries are repaired."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.errors import IndexBusy, StoreError
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import (
    Documents,
    Embedder,
    IndexRegistry,
    IndexVersion,
    Job,
    JobEffects,
    JobScope,
    LanguageModel,
    Ledger,
    RunningJob,
    TreeRecipe,
    TreeRegistry,
    TreeState,
    VectorStore,
)
from orchestrator.progress import Progress
from orchestrator.tree.build import TreeSettings, build_documents
from orchestrator.tree.build_job import SCOPE, GroupBuild, TreePlan, TreeReport, Writers, writers_for
from orchestrator.tree.group_leaves import documents_by_group, group_leaves, vectors_of
from orchestrator.tree.leaf import FOLDERS
from orchestrator.tree.living import LivingTree
from orchestrator.tree.repair import Repair
from orchestrator.types import Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Summaries that may be written anew for each document that comes or goes.
REPAIRS = 2
#: A tree is built anew where more passages wait than this share of those in it.
ANEW = 0.5
#: Tries of an edit where others change the documents meanwhile.
TRIES = 5


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What was done: passages put in, summaries repaired, trees built as a whole.

    `stale` summaries are left for the next time, since no more than two are written for an edit. `failed`
    counts texts that a model was to write and did not, `reason` says why; `left` passages have no vector.
    """

    inserted: int = 0
    repaired: int = 0
    built: int = 0
    stale: int = 0
    failed: int = 0
    reason: str = ""
    left: int = 0
    seconds: float = 0.0


async def update_trees_job(
    job: Job,
    trees: TreeRegistry,
    registry: IndexRegistry,
    documents: Documents,
    vectors: VectorStore,
    embedder: Embedder,
    model: LanguageModel,
    running: RunningJob,
) -> JobEffects:
    """The job that keeps the trees of the index of its scope up to date."""
    began = time.monotonic()
    version = registry.current(job.scope.name)
    if version is None:
        raise StoreError(f"There is no index {job.scope.name!r}.", hint="Add something to it first.")
    written = bool(job.payload.read().get("written", True))
    states = await trees.states()
    plans = {state.recipe for state in states if state.recipe is not None}
    report = UpdateReport()
    for state in states:
        writers = writers_for(model, embedder, state.group, written=written)
        updating = GroupUpdate(trees, registry, documents, vectors, version, state, writers)
        if state.recipe is None or state.foreign or state.missing > ANEW * state.leaves:
            plan = _plan(state, next(iter(plans), None), written=written)
            report = await updating.anew(job, plan, running, report) if state.passages else report
        elif state.missing or state.stale or state.removed:
            report = await updating.run(job, report)
            running.count(passages=state.missing)
    return JobEffects.of(asdict(replace(report, seconds=time.monotonic() - began)))


@dataclass(frozen=True)
class GroupUpdate:
    """The update of one group's tree."""

    trees: TreeRegistry
    registry: IndexRegistry
    documents: Documents
    vectors: VectorStore
    version: IndexVersion
    state: TreeState
    writers: Writers

    async def anew(self, job: Job, plan: TreePlan, running: RunningJob, report: UpdateReport) -> UpdateReport:
        """Build the tree as a whole: there is none, or most of it would be new."""
        group = self.state.group
        rows = await documents_by_group(self.registry, self.version.index, {group})
        building = GroupBuild(self.trees, self.vectors, plan, self.version, group)
        built = await building.run(job, rows.get(group, []), self.writers, running, TreeReport())
        return replace(
            report,
            built=report.built + built.trees,
            failed=report.failed + built.failed,
            reason=built.reason or report.reason,
            left=report.left + built.left,
        )

    async def run(self, job: Job, report: UpdateReport) -> UpdateReport:
        """Put in what waits, and repair; IndexBusy if others keep changing the documents."""
        for _ in range(TRIES):
            done = await self._edited(job)
            if done is not None:
                return replace(
                    done,
                    inserted=report.inserted + done.inserted,
                    repaired=report.repaired + done.repaired,
                    built=report.built,
                    stale=report.stale + done.stale,
                    failed=report.failed + done.failed,
                    reason=done.reason or report.reason,
                    left=report.left + done.left,
                )
        raise IndexBusy(
            f"The documents of {self.state.group} change faster than their tree is updated.",
            hint="Run `orchestrator tree update` again when they rest.",
        )

    async def _edited(self, job: Job) -> UpdateReport | None:
        """One try: None if the tree was changed meanwhile."""
        group = self.state.group
        kept = await self.trees.read(group)
        if kept is None:
            return UpdateReport()
        rows = await self.trees.waiting(group)
        leaves = await group_leaves(self.vectors, group, rows, topics=kept.recipe.topics)

        async def fetch(passages: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
            return await vectors_of(self.vectors, group, passages)

        living = LivingTree(kept, fetch)
        living.settle()
        await living.remeasure()
        settings = TreeSettings("bottom_up", kept.recipe.at_most)
        units, nodes = await build_documents(leaves, self.writers.summaries, settings)
        for unit in units:
            await living.insert(unit, nodes)
        await living.remeasure()
        allowed = kept.repairs + REPAIRS * len(units)
        repair = Repair(living, group, self.documents, self.writers.summaries, allowed)
        await repair.run()
        edit = living.edit(allowed - repair.done)
        if (edit.nodes or edit.removed) and not await self.trees.change(job, group, edit):
            return None
        reasons = self.writers.reasons
        return UpdateReport(
            living.inserted,
            repair.done,
            stale=repair.left,
            failed=len(reasons),
            reason=reasons[-1] if reasons else "",
            left=sum(len(row.passages) for row in rows) - len(leaves),
        )


def _plan(state: TreeState, other: TreeRecipe | None, *, written: bool) -> TreePlan:
    """How a group's tree is built: as before, or as the tree of another group, or by default."""
    recipe = state.recipe or other
    if recipe is None:
        return TreePlan(written=written)
    method: Any = recipe.method if state.recipe is not None or recipe.method == "given" else "auto"
    topics = recipe.topics if recipe.topics != FOLDERS and method == "given" else ""
    return TreePlan(method, recipe.at_most, topics, written)


async def update_trees_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    *,
    principal: Principal,
    progress: Progress,
    written: bool = True,
    wait: float = 60.0,
) -> UpdateReport:
    """Submit and run a job that keeps the trees of an index up to date.

    `ports` are those of the index. IndexBusy if another changes its trees for longer than `wait` seconds.
    """
    scope = JobScope(SCOPE, version.index)
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        (job,) = await local.there("update", [{"written": written}], total=version.passages, doing="")
    told: dict[str, Any] = {} if job.effects is None else job.effects.read()
    return UpdateReport(**told)
