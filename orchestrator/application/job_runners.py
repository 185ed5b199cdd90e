"""What the jobs of an application are given, whatever they change."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from orchestrator.application import index_models
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.context import IndexingContext
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.orders import IndexerSource
from orchestrator.jobs.job_run import LEASE, JobRunner
from orchestrator.jobs.order_runner import OrderRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.ports import Embedder, IndexRegistry, Ledger, index_scope

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.budget import Budget
    from orchestrator.ports import Job, RunningJob
    from orchestrator.types import Principal


class JobRunners:
    """Gives each job of an application what runs it: the ports of the index that its scope names.

    `stopping` says whether the process is to end. Close it: it starts processes that read files.
    """

    def __init__(
        self,
        container: Container,
        *,
        principal: Principal | None = None,
        budget: Budget | None = None,
        lease: float = LEASE,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._container = container
        self._principal = principal or container.settings.principal
        self._budget = budget
        self._lease = lease
        self._stopping = stopping
        self._handlers = JobHandlers()
        self._contexts: dict[tuple[str, bool], IndexingContext] = {}

    def runner(self, job: Job) -> JobRunner:
        """What runs a job."""
        return self._runner(self._ports(job))

    def close(self) -> None:
        """End the processes that read files."""
        contexts, self._contexts = self._contexts, {}
        for context in contexts.values():
            context.close()

    def _runner(
        self, ports: Mapping[Any, Any], extended: Callable[[float], None] = lambda seconds: None
    ) -> JobRunner:
        return JobRunner(
            self._container.get(Ledger),
            self._handlers,
            ports,
            principal=self._principal,
            budget=self._budget,
            lease=self._lease,
            extended=extended,
        )

    def _ports(self, job: Job) -> Mapping[Any, Any]:
        container, name = self._container, job.scope.name
        if job.scope.kind == index_scope("").kind:
            # Its parts are done with the models that it was planned with.
            context = self._context(name, rebuild=job.kind in ("rebuild", "embed", "switch"))
            own: dict[Any, Any] = {IndexerSource: self}
            # Chained, not copied: a port may be made when it is first read. Nothing is written to it.
            return ChainMap(own, *map(_mutable, (context.ports, container.ports(name))))
        known = {version.index for version in container.get(IndexRegistry).indexes()}
        return container.ports(name) if name in known else container.ports()

    @asynccontextmanager
    async def indexer(
        self, job: Job, running: RunningJob, *, rebuild: bool = False
    ) -> AsyncGenerator[Indexer]:
        """The indexer of an order, whose parts any worker does (`IndexerSource`)."""
        context = self._context(job.scope.name, rebuild=rebuild)
        # What stops this process for the time of a part stops the order with it.
        runner = self._runner(self._ports(job), running.extend)
        parts = OrderRunner(job, runner, running.report, stopping=self._stopping)
        await parts.finish_left()
        yield Indexer(context, job.scope.name, settings=None, dispatcher=parts)

    def _context(self, index: str, *, rebuild: bool) -> IndexingContext:
        container = self._container
        connector = index_models.embedder_connector(container, Embedder, None if rebuild else index)
        tokens = index_models.token_embedder_for(container, index, rebuild=rebuild)
        key = (connector, tokens is not None)
        if key not in self._contexts:
            embedder = container.get(Embedder, connector=connector)
            self._contexts[key] = indexing_context(container, embedder=embedder, tokens=tokens)
        return self._contexts[key]


def _mutable(ports: Mapping[Any, Any]) -> MutableMapping[Any, Any]:
    return cast("MutableMapping[Any, Any]", ports)
