"""The application: runs workflows, manages indexes and stored data, with the connectors of its settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from orchestrator.application.container import Container, PortMap
from orchestrator.application.jobs import Jobs
from orchestrator.application.model_stacks import ModelStacks
from orchestrator.application.rankers import editions_of
from orchestrator.application.workflow_files import load_workflow
from orchestrator.errors import IndexMismatch, RunNotFound
from orchestrator.loops import refuse_running_loop
from orchestrator.ports import (
    Build,
    Clock,
    Documents,
    Embedder,
    FeedbackStore,
    IndexFormat,
    IndexRegistry,
    LanguageModel,
    Recommender,
    Runs,
    SparseEncoder,
    StateStore,
    TokenEmbedder,
)
from orchestrator.progress import Progress
from orchestrator.settings import Settings
from orchestrator.types import Principal, Question

if TYPE_CHECKING:
    from orchestrator.backup.archive import Manifest
    from orchestrator.budget import Budget
    from orchestrator.graph.run.events import Event
    from orchestrator.graph.run.result import RunResult
    from orchestrator.graph.run.runner import Durability
    from orchestrator.graph.workflow import Workflow
    from orchestrator.indexing.indexer import Indexer


class Application:
    """The entry point of a program: runs workflows, manages indexes, and backs up data, as the settings say.

    `settings` are by default those of the working folder and the environment. `model` takes the place of
    the language model that they name. `record` names a file to which everything goes that it is asked and
    answers, `replay` one to answer from, with no model at all (`RecordedModel`).

    Use it as an async context manager, or close it. `container` gives any port: `container.get(Runs)`.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        model: LanguageModel | None = None,
        record: Path | str | None = None,
        replay: Path | str | None = None,
    ) -> None:
        stacks = ModelStacks(record, replay)
        self.settings = settings or Settings()
        self.container = Container(
            self.settings,
            given={} if model is None else {LanguageModel: model},
            wraps={
                LanguageModel: stacks.language_model,
                Embedder: stacks.embedder,
                TokenEmbedder: stacks.embedder,
                Documents: _with_items,
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close files, threads and connections. What is used afterwards is opened again."""
        await self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._runner:
            self._runner.run(self.close())
        self.__dict__.pop("_runner")

    @cached_property
    def _runner(self) -> asyncio.Runner:
        """The loop of a script."""
        return asyncio.Runner()

    # -- workflows -----------------------------------------------------------------------------

    @property
    def provided(self) -> Mapping[type, object]:
        """The ports that `ports` gives, unmade: enough to check a workflow against."""
        return self.ports()

    def ports(self, index: str | None = None) -> PortMap:
        """The ports for the nodes of a workflow on an index; each object is made when it is first used.

        They know the other indexes too: see `IndexedPorts`.
        """
        return self.container.ports(index)

    def workflow(self, name: str) -> Workflow:
        """The workflow of a name or a file, checked against the ports and the indexes there are.

        IndexMismatch if an index that it names was made with other models than those configured now.
        """
        found = load_workflow(name)
        found.check(self.provided)
        for index in found.indexes:
            self.check_format(index)
        return found

    async def run(
        self,
        workflow: Workflow | str,
        *inputs: Any,
        index: str | None = None,
        budget: Budget | None = None,
        durability: Durability = "none",
        principal: Principal | None = None,
    ) -> RunResult:
        """Run a workflow on an index. Inputs are found by their types, and text is a question.

        That, and the run, are the settings' principal's unless a question or `principal` says whose.
        """
        values = self._inputs(inputs, principal)
        return await self._workflow(workflow).run(
            *values,
            ports=self.ports(index),
            budget=budget,
            durability=durability,
            principal=self._asker(values, principal),
        )

    async def stream(
        self,
        workflow: Workflow | str,
        *inputs: Any,
        index: str | None = None,
        budget: Budget | None = None,
        durability: Durability = "none",
        principal: Principal | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Run a workflow as `run` does, yielding events; the last is `Finished`."""
        values = self._inputs(inputs, principal)
        events = self._workflow(workflow).stream(
            *values,
            ports=self.ports(index),
            budget=budget,
            durability=durability,
            principal=self._asker(values, principal),
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def resume(
        self,
        run_id: str,
        workflow: Workflow | str | None = None,
        *,
        index: str | None = None,
        budget: Budget | None = None,
        principal: Principal | None = None,
    ) -> RunResult:
        """Resume an interrupted durable run; the workflow is by default the one of its name."""
        reader = principal or self.settings.principal
        if workflow is None:
            record = await self.container.get(Runs).read(run_id, principal=reader)
            if record is None:
                raise RunNotFound(
                    f"There is no run {run_id!r} of {reader.name}.", hint="Check the id.", run_id=run_id
                )
            workflow = record.workflow
        resumed = self._workflow(workflow)
        return await resumed.resume(run_id, ports=self.ports(index), principal=reader, budget=budget)

    def _workflow(self, workflow: Workflow | str) -> Workflow:
        return self.workflow(workflow) if isinstance(workflow, str) else workflow

    def _inputs(self, inputs: tuple[Any, ...], principal: Principal | None) -> tuple[Any, ...]:
        asker = principal or self.settings.principal
        return tuple(Question(each, asker) if isinstance(each, str) else each for each in inputs)

    def _asker(self, values: tuple[Any, ...], principal: Principal | None) -> Principal | None:
        """Whose run it is: None for that of an input that says so."""
        if principal is not None or any(hasattr(each, "principal") for each in values):
            return principal
        return self.settings.principal

    def run_sync(
        self,
        workflow: Workflow | str,
        *inputs: Any,
        index: str | None = None,
        budget: Budget | None = None,
        durability: Durability = "none",
        principal: Principal | None = None,
    ) -> RunResult:
        """`run` for a script: `with Application() as application:`. Where a loop runs, await `run`.

        All calls share one loop, since connections belong to the loop that opened them.
        """
        refuse_running_loop("run_sync", "run")
        return self._runner.run(
            self.run(
                workflow, *inputs, index=index, budget=budget, durability=durability, principal=principal
            )
        )

    async def give_feedback(self, run_id: str, score: float, *, principal: Principal | None = None) -> int:
        """Record feedback, 0 to 1, on the answer of a run, from which model routing learns; see `routes`."""
        from orchestrator.models.feedback import give_feedback

        runs, feedback = self.container.get(Runs), self.container.get(FeedbackStore)
        reader = principal or self.settings.principal
        return await give_feedback(runs, feedback, run_id, score, principal=reader)

    # -- indexes -------------------------------------------------------------------------------

    @property
    def jobs(self) -> Jobs:
        """The jobs that there are, and what became of them: submit, run, cancel or retry them."""
        return Jobs(self.container)

    def indexer(self, index: str | None = None, *, wait: float = 60.0, rebuild: bool = False) -> Indexer:
        """The indexer of an index, to add and remove documents; it waits `wait` seconds for another writer.

        `rebuild` takes the embedder that is configured now, whatever the index was made with.
        """
        from orchestrator.application import index_models
        from orchestrator.application.indexing import indexing_context, worker_settings
        from orchestrator.indexing.indexer import Indexer

        name = self.container.named(index)
        connector = index_models.embedder_connector(self.container, Embedder, None if rebuild else name)
        tokens = index_models.token_embedder_for(self.container, name, rebuild=rebuild)
        embedder = self.container.get(Embedder, connector=connector)
        context = indexing_context(self.container, embedder=embedder, tokens=tokens)
        settings = worker_settings(self.settings, connector, late=tokens is not None)
        return Indexer(context, name, settings=settings, wait=wait)

    @property
    def new_index_format(self) -> IndexFormat:
        """The format of an index that would be made now."""
        from orchestrator.application import index_models
        from orchestrator.indexing.index_format import index_format

        late = self.settings.late_interaction
        tokens = index_models.token_embedder(self.container, None) if late else None
        embedder = index_models.embedder(self.container, None)
        return index_format(embedder, self.container.get(SparseEncoder), tokens)

    def check_format(self, index: str | None = None) -> None:
        """Raise IndexMismatch if an index was made with other models than those configured now.

        A search would say so too, but only once the configured ones are loaded, which may fail first.
        """
        from orchestrator.application.index_models import missing_embedder

        name = self.container.named(index)
        version = self.container.get(IndexRegistry).current(name)
        wanted = self.container.index_format(name)
        if version is None:
            return
        made = version.format
        if made.embedder == wanted.embedder and missing_embedder(self.container, made.embedder):
            raise IndexMismatch(
                f"The index {name!r} was made with {wanted.embedder}, which is not installed.",
                hint="Run `pip install 'orchestrator-rag[minilm]'`, or set the embedder to light and run "
                f"`orchestrator index rebuild --index {name}`.",
            )
        if made != wanted:
            raise IndexMismatch(
                f"The index {name!r} was made with {made.embedder} and {made.sparse}; "
                f"configured are {wanted.embedder} and {wanted.sparse}.",
                hint=f"Configure the former, or: `orchestrator index rebuild --index {name}`.",
            )

    # -- keeping -------------------------------------------------------------------------------

    async def prune(self, *, cache: bool = False) -> None:
        """Delete old data by the retention settings; with `cache`, also all cached results and answers."""
        now = self.container.get(Clock).now()
        keep = {kind: float(days) for kind, days in self.settings.retention.model_dump().items()}
        await self.container.get(StateStore).prune(now, keep, cache=cache)
        await asyncio.to_thread(editions_of(self.container).unfinished.prune, now)

    def backup(self, path: Path, progress: Progress) -> Manifest:
        """Back up all stored data to the archive `path`, while it is in use."""
        from orchestrator.backup import snapshot
        from orchestrator.version import __version__

        state = self.container.get(StateStore)
        # What an earlier release kept in files is part of the state from now on.
        editions = editions_of(self.container)
        editions.current()
        return snapshot.backup(
            path,
            self.settings.home,
            copy_state=state.backup,
            indexes_of=state.archived_indexes,
            trained=state.archived_edition,
            trained_files=editions.files,
            release=__version__,
            created=self.container.get(Clock).now(),
            progress=progress,
        )

    def restore(self, path: Path, progress: Progress, *, force: bool = False) -> Manifest:
        """Restore all stored data from the archive `path`; needs `force` if there is data already."""
        from orchestrator.backup import snapshot

        state = self.container.get(StateStore)
        indexes = [each.index for each in self.container.get(IndexRegistry).indexes()]
        held = [f"the indexes {', '.join(indexes)}"] if indexes else []
        if not force and editions_of(self.container).current() is not None:
            held.append("trained recommenders")
        return snapshot.restore(
            path,
            self.settings.home,
            occupied=None if force else " and ".join(held) or None,
            restore_state=state.restore,
            progress=progress,
        )


def _with_items(base: Any, build: Build) -> Documents:
    """The passages of an index, and the items of the catalogue."""
    from orchestrator.recommendation.item_documents import WithItems

    return WithItems(base(), lambda: build.get(Recommender))
