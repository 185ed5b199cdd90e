"""An experiment: arms on the same judged queries, compared.

An arm is a workflow that ends in hits (or shows them, or cites passages), or a run that was saved.
Arms that begin alike run their common part once a query, and the cost of it is counted on each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from orchestrator.budget import Budget
from orchestrator.errors import BadInput, NodeError, OrchestratorError
from orchestrator.evaluation.arms import Arm, contenders, measuring_ports, needed_ports
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.experiment_report import Report
from orchestrator.evaluation.indexed import IndexHost, indexed
from orchestrator.evaluation.journal import Journal, Outcome, journal_file
from orchestrator.evaluation.metrics import Metric, metrics_for
from orchestrator.evaluation.ranking import document_outcomes, found_by
from orchestrator.evaluation.scoring import arm_report, comparisons, notes, saved_report
from orchestrator.evaluation.sharing import SharedCalls
from orchestrator.evaluation.versions import answering_models, versions
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Documents, Embedder, LanguageModel, Lexical, VectorStore
from orchestrator.progress import Progress
from orchestrator.types import ANONYMOUS, Hit, Hits, Principal, Question, Usage

DEFAULT_METRICS = ("ndcg@10", "recall@100")
#: Queries asked at once where a model server does the work.
CONCURRENCY_WITH_MODEL = 8

Ports = Mapping[Any, Any]
#: Called with how many runs of how many are finished.


async def experiment(
    arms: Iterable[Arm],
    *,
    data: Dataset,
    metrics: Iterable[str | Metric] = DEFAULT_METRICS,
    ports: Ports | None = None,
    application: IndexHost | None = None,
    principal: Principal = ANONYMOUS,
    budget: Budget | None = None,
    concurrency: int | None = None,
    work: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Run every arm on every query of the data; report quality, significance and cost.

    Without `ports`, the data is indexed first, once, in an index of its own of the `application`.
    `concurrency` queries are run at the same time: by default one, so that
    none waits for another, or eight where a language model is available. In the folder `work`, what
    is finished is kept: the same experiment, stopped, goes on there, and leaves its runs in TREC's
    format. Nothing is shared between arms under a `budget` of seconds, which sharing would stretch.
    """
    chosen = metrics_for(metrics, data)
    everyone = contenders(arms)
    workflows = [arm for arm in everyone if isinstance(arm, Workflow)]
    async with AsyncExitStack() as opened:
        if workflows and ports is None:
            needs = needed_ports(workflows)
            ports = await opened.enter_async_context(indexed(data, application, needs=needs))
        measured = measuring_ports(ports or {}, workflows)
        for arm in workflows:
            arm.check(measured)
        spent = budget or Budget()
        folder = work_folder(work) if work is not None else None
        models = await answering_models(measured) if folder is not None else []
        identity = (
            data.fingerprint,
            *models,
            repr((principal.tenant, sorted(principal.grants))),
            repr(spent),
        )
        journals = {arm.name: _journal(arm, folder, identity) for arm in workflows}
        trial = Trial(data, workflows, journals, measured, principal, spent, progress)
        await trial.run(concurrency or _concurrency(measured))
        found = {name: journal.outcomes for name, journal in journals.items()}
        _require_success(found)
        outcomes = await document_outcomes(found, measured.get(Documents), principal, data.corpus.ids)
        used = versions(measured)
    reports = [
        arm_report(arm.name, outcomes[arm.name], data, chosen, seed)
        if isinstance(arm, Workflow)
        else saved_report(arm, data, chosen, seed)
        for arm in everyone
    ]
    report = Report(
        data.source,
        len(data.queries),
        {each.name: each for each in reports},
        comparisons(reports, chosen, seed),
        (*map(str, data.remarks), *notes(reports, outcomes, data, chosen)),
        used,
        trial.seconds,
        trial.node_seconds,
    )
    if folder is not None:
        report.save_runs(folder)
        for journal in journals.values():
            journal.end()
    return report


@dataclass
class Trial:
    """Runs arms on queries, and writes their outcomes to their journals."""

    data: Dataset
    arms: Sequence[Workflow]
    journals: Mapping[str, Journal]
    ports: Ports
    principal: Principal
    budget: Budget
    progress: Progress | None = None
    #: How long it took after everything was loaded, and the part of it that was spent in nodes.
    seconds: float = 0.0
    node_seconds: float = 0.0
    _names: dict[str, str] = field(default_factory=dict[str, str])

    async def run(self, concurrency: int) -> None:
        """Do what is not done yet, `concurrency` queries at a time."""
        left = [
            (query, text)
            for query, text in self.data.queries.items()
            if text.strip() and any(query not in journal.outcomes for journal in self.journals.values())
        ]
        if not left:
            return
        await self._warm(left[0][1])
        began = perf_counter()
        queries = iter(left)
        workers = [asyncio.ensure_future(self._work(queries)) for _ in range(min(concurrency, len(left)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        self.seconds = perf_counter() - began

    async def _work(self, queries: Iterator[tuple[str, str]]) -> None:
        for query, text in queries:
            sharing = SharedCalls() if self.budget.seconds is None else None
            question = Question(text, self.principal)
            # One arm after the other, so that none waits for another.
            for arm in self.arms:
                journal = self.journals[arm.name]
                if query not in journal.outcomes:
                    journal.add(await self._ask(arm, query, question, sharing))
                    self._moved()
            if sharing is not None:
                self.node_seconds += sharing.seconds

    async def _ask(
        self, arm: Workflow, query: str, question: Question, sharing: SharedCalls | None
    ) -> Outcome:
        run_id = f"{arm.name}/{query}"
        try:
            result = await arm.run(
                question, ports=self.ports, budget=self.budget, run_id=run_id, sharing=sharing
            )
        except OrchestratorError as error:
            spent = error.spent or Usage()
            told = f"{type(error).__name__}: {error}"
            return Outcome(query, calls=spent.calls, tokens=spent.tokens, error=told)
        seconds = result.seconds
        if sharing is None:
            self.node_seconds += seconds
        else:
            seconds += sharing.reused_seconds(run_id)
        # The same passages are found again and again: one string for each is enough.
        hits = Hits(tuple(Hit(self._names.setdefault(hit.id, hit.id), hit.score) for hit in found_by(result)))
        return Outcome(query, hits, seconds, result.usage.calls, result.usage.tokens, result.degraded)

    def _moved(self) -> None:
        if self.progress is not None:
            done = sum(len(journal.outcomes) for journal in self.journals.values())
            asked = sum(bool(text.strip()) for text in self.data.queries.values())
            self.progress(done, len(self.arms) * asked, "")

    async def _warm(self, text: str) -> None:
        """Load what is loaded at its first use, so that no query is charged with it."""
        for arm in self.arms:
            _ = arm.direct_runner if self.budget.seconds is None else arm.compiled(lines=True)
        embedder, vectors = self.ports.get(Embedder), self.ports.get(VectorStore)
        if embedder is not None:
            await embedder.embed([text], kind="query")
        if vectors is not None:
            await vectors.search([Lexical(text)], principal=self.principal, limit=1)


def _journal(arm: Workflow, folder: Path | None, identity: Iterable[str]) -> Journal:
    return Journal() if folder is None else Journal(journal_file(folder, arm, identity))


def work_folder(work: str | Path) -> Path:
    """The folder of an experiment's runs, made if it is not there; BadInput if it cannot be."""
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{work} cannot be a folder for runs: {error}.", hint="Name another.") from None
    return Path(work)


def _require_success(outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """One query that fails is a finding; if nothing else happened, there is nothing to report."""
    errors = [outcome.error for mine in outcomes.values() for outcome in mine.values()]
    if errors and None not in errors:
        raise NodeError(f"All {len(errors)} runs failed. The first error: {str(errors[0]).rstrip('.')}.")


def _concurrency(ports: Ports) -> int:
    model: LanguageModel | None = ports.get(LanguageModel)
    return CONCURRENCY_WITH_MODEL if model is not None and model.available else 1
