"""An application: workflows run, indexes changed and everything kept, on the connectors of its settings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from orchestrator.application.container import PROVIDED, Connections
from orchestrator.application.workflow_files import load_workflow
from orchestrator.errors import IndexMismatch
from orchestrator.progress import Progress
from orchestrator.settings import DAY
from orchestrator.types import Principal, Question

if TYPE_CHECKING:
    from orchestrator.backup.archive import Manifest
    from orchestrator.graph.context import Budget
    from orchestrator.graph.run.result import RunResult
    from orchestrator.graph.run.runner import Durability
    from orchestrator.graph.workflow import Workflow
    from orchestrator.indexing.indexer import Indexer
    from orchestrator.ports import Embedder


class Application(Connections):
    """What a program holds: settings, their connectors, and what is done with them.

    Use it as an async context manager, or close it. For what it can be given see `Connections`.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- workflows -----------------------------------------------------------------------------

    @property
    def provided(self) -> Mapping[type, object]:
        """The ports that `ports` gives, unmade: enough to check a workflow against."""
        return dict.fromkeys(PROVIDED)

    def workflow(self, name: str) -> Workflow:
        """The workflow of a name or a file, checked against the ports there are."""
        found = load_workflow(name)
        found.check(self.provided)
        return found

    async def run(
        self,
        workflow: Workflow | str,
        question: Question | str,
        *,
        index: str | None = None,
        budget: Budget | None = None,
        durability: Durability = "none",
    ) -> RunResult:
        """Run a workflow on an index. A question given as text is asked by the settings' principal."""
        if isinstance(workflow, str):
            workflow = self.workflow(workflow)
        if isinstance(question, str):
            question = Question(question, self.settings.principal)
        return await workflow.run(question, ports=self.ports(index), budget=budget, durability=durability)

    async def give_feedback(self, run_id: str, score: float, *, principal: Principal | None = None) -> int:
        """Say how good the answer of a run was, from 0 to 1, to learn whom to ask; see `routes`."""
        from orchestrator.models.feedback import give_feedback

        reader = principal or self.settings.principal
        return await give_feedback(self.runs, self.feedback, run_id, score, principal=reader)

    # -- indexes -------------------------------------------------------------------------------

    def indexer(self, index: str | None = None, *, wait: float = 60.0, anew: bool = False) -> Indexer:
        """What changes an index; it waits `wait` seconds for another writer.

        `anew` is for a rebuild: with the embedder of now, whatever the index was made with.
        """
        from orchestrator.application.worker import indexing_context
        from orchestrator.indexing.indexer import Indexer

        embedder = self.embedder if anew else self.embedder_of(index)
        name = self.named(index)
        tokens = self.token_embedder_for(name, anew=anew)
        context = indexing_context(self, embedder=embedder, tokens=tokens)
        settings = self._for_worker(embedder, late=tokens is not None)
        return Indexer(context, name, settings=settings, wait=wait)

    def _for_worker(self, embedder: Embedder, *, late: bool) -> dict[str, Any]:
        """The settings with which a worker process makes the same application."""
        settings = self.settings
        key = settings.embed_api_key
        return {
            "config": str(settings.config) if settings.config else None,
            "home": str(settings.home),
            "database_url": settings.database_url,
            "embedder": self.choices.get(embedder.name, settings.embedder),
            "bm25": settings.bm25.model_dump(),
            "late_interaction": late,
            "quantisation": settings.quantisation,
            "splade": str(settings.splade) if settings.splade else None,
            "embed_url": list(settings.embed_url),
            "embed_model": settings.embed_model,
            "embed_api_key": key.get_secret_value() if key else None,
            "embed_query_prefix": settings.embed_query_prefix,
            "llm_timeout": settings.llm_timeout,
            "log_level": settings.log_level,
        }

    def check_format(self, index: str | None = None) -> None:
        """Raise IndexMismatch if an index was made with other models than those configured now.

        A search would say so too, but only once the configured ones are loaded, which may fail first.
        """
        name = self.named(index)
        version, wanted = self.registry.current(name), self.format_of(name)
        if version is None:
            return
        made = version.format
        if made.embedder == wanted.embedder and not self.installed(wanted.embedder):
            raise IndexMismatch(
                f"the index {name!r} was made with {wanted.embedder}, which is not installed.",
                hint="Run `pip install 'orchestrator-rag[minilm]'`, or set the embedder to light and: "
                f"orchestrator index rebuild --index {name}",
            )
        if made != wanted:
            raise IndexMismatch(
                f"the index {name!r} was made with {made.embedder} and {made.sparse}; "
                f"configured are {wanted.embedder} and {wanted.sparse}.",
                hint=f"Configure the former, or: orchestrator index rebuild --index {name}",
            )

    # -- keeping -------------------------------------------------------------------------------

    async def prune(self, *, cache: bool = False) -> None:
        """Delete what the retention settings give up; with `cache`, all kept results and answers."""
        kept, now = self.settings.retention, self.clock.now()
        await self.runs.prune(before=now - kept.runs * DAY)
        await self.runs.prune_checkpoints(before=now - kept.checkpoints * DAY)
        await self.database.run_writing(self.conversations.prune, before=now - kept.conversations * DAY)
        await self.database.run_writing(self.cache.clear if cache else self.cache.prune)
        await self.database.run_writing(
            self.feedback.prune,
            answers_before=now - kept.runs * DAY,
            feedback_before=now - kept.feedback * DAY,
        )
        await asyncio.to_thread(self.recommender.editions.unfinished.prune, now)

    def backup(self, path: Path, progress: Progress) -> Manifest:
        """Write everything that is kept into the archive `path`, while others may use it."""
        import orchestrator
        from orchestrator.backup import snapshot as safekeeping

        return safekeeping.backup(
            path,
            self.settings.home,
            copy_state=self.database.backup,
            indexes_of=self.archived_indexes,
            trained=self.recommender.editions.current,
            release=orchestrator.__version__,
            created=self.clock.now(),
            progress=progress,
        )

    def restore(self, path: Path, progress: Progress, *, force: bool = False) -> Manifest:
        """Replace everything that is kept by the archive `path`; `force` if there is anything."""
        from orchestrator.backup import snapshot as safekeeping

        indexes = [each.index for each in self.registry.indexes()]
        held = [f"the indexes {', '.join(indexes)}"] if indexes else []
        if not force and self.recommender.editions.current() is not None:
            held.append("trained recommenders")
        return safekeeping.restore(
            path,
            self.settings.home,
            occupied=None if force else " and ".join(held) or None,
            restore_state=self.restore_state,
            progress=progress,
        )
