"""`orchestrator index add --dry-run`: what it would change, embed and ask a model for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestrator.cli.options import Invocation, complete
from orchestrator.cli.output import say, say_json

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.indexing.dry_run import DryRun


@dataclass(frozen=True, slots=True)
class _Told:
    """What adding some paths would do; `tree_nodes` is how many an update of the trees writes, at most."""

    runs: tuple[DryRun, ...]
    tree_nodes: int | None


def show_dry_run(
    given: Invocation,
    paths: Sequence[str],
    index: str | None,
    labels: Sequence[str] | None,
    tenant: str,
    *,
    as_json: bool,
) -> None:
    """Show what adding the paths would do now, each by itself."""
    from orchestrator.application.application import Application

    settings = given.settings(index=index)

    async def counted() -> _Told:
        async with Application(settings) as application:
            indexer = application.indexer()
            try:
                runs = tuple([await indexer.dry_run(path, labels, tenant) for path in paths])
            finally:
                indexer.close()
            return _Told(runs, await _tree_nodes(application, runs))

    told = complete(counted())
    if as_json:
        say_json({"runs": [asdict(run) for run in told.runs], "tree_nodes": told.tree_nodes})
        return
    for run in told.runs:
        say(f"{run.root}: {_sentence(run, told.tree_nodes)}")
        for file in run.skipped:
            say(f"Skipped {file.file}: {file.reason}")


async def _tree_nodes(application: Application, runs: Sequence[DryRun]) -> int | None:
    """The nodes that an update of the trees makes or summarises anew, at most; None if there is no tree."""
    from orchestrator.ports import IndexRegistry, TreeRegistry
    from orchestrator.tree.update_bound import summaries_at_most

    name = application.settings.index
    if application.container.get(IndexRegistry).current(name) is None:
        return None
    states = await application.container.get(TreeRegistry, name).states()
    edits, placed = sum(run.edits for run in runs), sum(run.placed for run in runs)
    return summaries_at_most(states, edits=edits, placed=placed)


def _sentence(run: DryRun, tree_nodes: int | None) -> str:
    removed = f", {_counted(run.removed, 'document')} removed" if run.removed else ""
    relabelled = f", {_counted(run.relabelled, 'file')} relabelled" if run.relabelled else ""
    tree = "" if tree_nodes is None else f"; tree: at most {_counted(tree_nodes, 'node')}"
    return (
        f"{_counted(run.documents, 'document')} changed{removed}{relabelled}: "
        f"{_counted(run.chunks, 'chunk')}, {_counted(run.embeddings, 'embedding')}, "
        f"{_counted(run.model_calls, 'model call')}{tree}."
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
