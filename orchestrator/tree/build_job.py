"""Building the trees of an index as a job: one for each group of documents, resumable at every node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from orchestrator.errors import BadInput, StoreError
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.local_runner import LocalRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.jobs.write_lock import write_lock
from orchestrator.ports import (
    DocumentRow,
    Embedder,
    IndexRegistry,
    IndexVersion,
    Job,
    JobEffects,
    JobScope,
    LanguageModel,
    Ledger,
    RunningJob,
    TreeGroup,
    TreeRecipe,
    TreeRegistry,
    VectorStore,
    for_tenant,
)
from orchestrator.progress import Progress
from orchestrator.tree.build import Method, TreeSettings, build_tree, chosen_method
from orchestrator.tree.group_leaves import documents_by_group, group_leaves
from orchestrator.tree.leaf import FOLDERS
from orchestrator.tree.notes import KeptNotes
from orchestrator.tree.summaries import ExtractiveSummaries, Summaries, WrittenSummaries
from orchestrator.tree.topics import ModelTopics
from orchestrator.types import Principal

#: The family of the jobs of trees; a scope of it bears the name of an index.
SCOPE = "tree"
#: Notes that are stored together where no model was asked for them.
NOTES = 50


@dataclass(frozen=True, slots=True)
class TreePlan:
    """What is to be built: by `method`, with at most `at_most` children a node.

    `topics` is the metadata field that holds a document's place in a classification, or `FOLDERS`. Without
    `written`, no model is asked, although there is one.
    """

    method: Method = "auto"
    at_most: int = 12
    topics: str = ""
    written: bool = True

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise BadInput(
                f"There is no method {self.method!r} of building a tree.",
                hint=f"Methods: {', '.join(get_args(Method))}.",
            )
        if self.method != "given" and self.topics:
            raise BadInput(
                f"The topics of the field {self.topics!r} are taken by the method given alone.",
                hint="Build with `--method structure`, or without `--topics`.",
            )
        TreeSettings(self.method, self.at_most)

    @property
    def settings(self) -> TreeSettings:
        """Those of the build."""
        return TreeSettings(self.method, self.at_most)

    @property
    def taken_topics(self) -> str:
        """Where the method `given` finds topics: by default in the folders of files."""
        return (self.topics or FOLDERS) if self.method == "given" else ""


@dataclass(frozen=True, slots=True)
class TreeReport:
    """What was built: trees, passages in them, and nodes.

    `failed` counts the summaries and topics that a model was to write and did not, which are extracted
    instead; `reason` is the last cause. `left` passages have no vector yet.
    """

    trees: int = 0
    passages: int = 0
    nodes: int = 0
    depth: int = 0
    failed: int = 0
    reason: str = ""
    left: int = 0
    seconds: float = 0.0
    methods: tuple[str, ...] = ()


@dataclass
class Writers:
    """What writes for the trees of a group: a language model, or rules without one."""

    model: LanguageModel
    embedder: Embedder
    reasons: list[str] = field(default_factory=list[str])

    @property
    def summaries(self) -> Summaries:
        """Summaries of nodes."""
        if self.model.available:
            return WrittenSummaries(self.model, self.reasons)
        return ExtractiveSummaries()

    def topics(self, memo: KeptNotes, at_most: int) -> ModelTopics | None:
        """Topics from the top down, of a model."""
        if not self.model.available:
            return None
        return ModelTopics(self.model, self.embedder, memo, most=at_most, reasons=self.reasons)


def writers_for(model: LanguageModel, embedder: Embedder, group: TreeGroup, *, written: bool) -> Writers:
    """The writers of a group: the model is asked as its tenant asks it."""
    from orchestrator.models.null import NullModel

    return Writers(for_tenant(model, group.tenant) if written else NullModel(), embedder)


async def build_trees_job(
    job: Job,
    trees: TreeRegistry,
    registry: IndexRegistry,
    vectors: VectorStore,
    embedder: Embedder,
    model: LanguageModel,
    running: RunningJob,
) -> JobEffects:
    """The job that builds the trees of the index that its scope names."""
    began = time.monotonic()
    plan = TreePlan(**job.payload.read())
    version = registry.current(job.scope.name)
    if version is None:
        raise StoreError(f"There is no index {job.scope.name!r}.", hint="Add something to it first.")
    states = [state for state in await trees.states() if state.passages]
    rows = await documents_by_group(registry, version.index, {state.group for state in states})
    report = TreeReport()
    for state in states:
        built = GroupBuild(trees, vectors, plan, version, state.group)
        writers = writers_for(model, embedder, state.group, written=plan.written)
        report = await built.run(job, rows.get(state.group, []), writers, running, report)
    return JobEffects.of(asdict(replace(report, seconds=time.monotonic() - began)))


@dataclass(frozen=True)
class GroupBuild:
    """The build of one group's tree."""

    trees: TreeRegistry
    vectors: VectorStore
    plan: TreePlan
    version: IndexVersion
    group: TreeGroup

    async def run(
        self, job: Job, rows: list[DocumentRow], writers: Writers, running: RunningJob, report: TreeReport
    ) -> TreeReport:
        """Build and publish it; the report of what was built before, and of this."""
        leaves = await group_leaves(self.vectors, self.group, rows, topics=self.plan.taken_topics)
        lacking = sum(len(row.passages) for row in rows) - len(leaves)
        if not leaves:
            return replace(report, left=report.left + lacking)
        at_once = 1 if writers.model.available else NOTES
        memo = await KeptNotes.read(self.trees, self.group, at_once=at_once)
        counted = 0

        def progress(done: int, total: int, doing: str) -> None:
            nonlocal counted
            running.count(nodes=done - counted)
            counted = done

        method = chosen_method(leaves, self.plan.method)
        divide = writers.topics(memo, self.plan.at_most) if method == "top_down" else None
        summaries = writers.summaries
        try:
            tree = await build_tree(
                leaves, summaries, self.plan.settings, divide=divide, memo=memo, progress=progress
            )
        finally:
            # What was written is kept, whatever stops the build.
            await memo.flush()
        recipe = TreeRecipe(
            method,
            self.plan.at_most,
            self.plan.taken_topics,
            summaries.name,
            self.version.format.embedder,
        )
        await self.trees.publish(job, self.group, tree, recipe, version=self.version.number)
        await memo.end()
        return TreeReport(
            report.trees + 1,
            report.passages + len(tree),
            report.nodes + len(tree.nodes),
            max(report.depth, tree.depth),
            report.failed + len(writers.reasons),
            writers.reasons[-1] if writers.reasons else report.reason,
            report.left + lacking,
            methods=tuple(sorted({*report.methods, method})),
        )


def estimated_nodes(passages: int, at_most: int) -> int:
    """How many nodes a tree of so many passages has, about: for progress."""
    return max(1, round(passages / (0.7 * at_most) * 1.15))


async def build_trees_locally(
    ledger: Ledger,
    ports: Mapping[Any, Any],
    version: IndexVersion,
    plan: TreePlan,
    *,
    principal: Principal,
    progress: Progress,
    wait: float = 60.0,
) -> TreeReport:
    """Submit and run a job that builds the trees of an index; one that was stopped goes on.

    `ports` are those of the index. IndexBusy if another builds trees of this index for longer than `wait`
    seconds, BadInput if the index is empty.
    """
    if not version.passages:
        raise BadInput(f"The index {version.index!r} is empty.", hint="Add something to it first.")
    scope = JobScope(SCOPE, version.index)
    async with write_lock(ledger, scope, wait=wait, progress=progress) as lock:
        runner = JobRunner(ledger, JobHandlers(), ports, principal=principal)
        local = LocalRunner(scope, lock, runner, None, progress)
        total = estimated_nodes(version.passages, plan.at_most)
        (job,) = await local.there("build", [asdict(plan)], total=total, doing="", unit="nodes")
    told: dict[str, Any] = {} if job.effects is None else job.effects.read()
    told["methods"] = tuple(told.get("methods", ()))
    return TreeReport(**told)
