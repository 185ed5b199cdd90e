"""`orchestrator graph`: build the graph of what documents say of one another, and look at it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.background import BackgroundOption, submit
from orchestrator.cli.existing_index import with_index
from orchestrator.cli.options import (
    IndexOption,
    JsonOption,
    PrincipalOption,
    WaitOption,
    complete,
    invocation,
)
from orchestrator.cli.output import plain, progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.knowledge.mention_graph import Neighbour, Neighbourhood
    from orchestrator.ports import IndexVersion, MentionCounts


def build(
    context: typer.Context,
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    background: BackgroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the mention graph: which passage names which document by title, heading, alias, term or file.

    No model is asked. What is there already is not searched again, so that it is quick after a change.
    GraphSearch needs no built graph; `graph show` does.
    """
    from orchestrator.knowledge.build_jobs import SCOPE, build_locally
    from orchestrator.ports import Ledger

    if background:
        submit(invocation(context), SCOPE, "build", index, {}, as_json)
        return
    settings = invocation(context).settings(index=index)

    async def built(application: Application, version: IndexVersion) -> MentionCounts:
        ports: Any = application.ports()
        with progress("Searching") as moved:
            return await build_locally(
                ports[Ledger], ports, version, principal=settings.principal, progress=moved, wait=wait
            )

    _report(complete(with_index(settings, built)), as_json)


def status(context: typer.Context, index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show how much of the mention graph is built, what facts there are, and which extractions failed."""
    settings = invocation(context).settings(index=index)
    reader = settings.reader(None)

    async def found(application: Application, version: IndexVersion) -> tuple[Any, Any, Any]:
        from orchestrator.ports import KnowledgeStore

        store = application.container.get(KnowledgeStore, version.index)
        counts = await _counts(application, version)
        return counts, await store.counts(principal=reader), await store.failures()

    counts, facts, failures = complete(with_index(settings, found))
    if as_json:
        failed = [{"passage": each.passage, "error": each.error} for each in failures]
        told = {**asdict(counts), "complete": counts.complete}
        say_json({**told, "knowledge": {**asdict(facts), "failed": failed}})
        return
    _report(counts, as_json)
    say(f"{facts.entities:,} entities and {facts.facts:,} facts, of {facts.passages:,} passages")
    for each in failures:
        say(f"Not extracted: {each.passage}: {plain(each.error)}")


def show(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="Title of a document.", metavar="TITLE")],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Documents on each side.", metavar="N")] = 24,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw it as SVG.", metavar="FILE")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a document names and what names it, as the principal may read it."""
    from orchestrator.cli.result_files import require_writable, write_whole
    from orchestrator.errors import BadInput
    from orchestrator.knowledge.mention_graph import MentionGraph
    from orchestrator.knowledge.neighbourhood_svg import neighbourhood_svg
    from orchestrator.ports import DocumentNames

    require_writable(svg)
    settings = invocation(context).settings(index=index)
    reader = settings.reader(principal)

    async def found(application: Application, version: IndexVersion) -> list[Neighbourhood]:
        names: DocumentNames = application.container.get(DocumentNames)
        graph = MentionGraph(await names.edges(principal=reader))
        return [graph.neighbourhood(each, most=most) for each in graph.documents(title)]

    shown = complete(with_index(settings, found))
    if not shown:
        raise BadInput(
            f"No document that may be read has the title {title!r}.",
            hint="Titles are in `orchestrator ask`'s sources; --principal names who asks.",
        )
    if svg is not None:
        write_whole(svg, neighbourhood_svg(shown[0]))
    if as_json:
        say_json([each.json() for each in shown])
        return
    for each in shown:
        _show(each)


def _show(found: Neighbourhood) -> None:
    say(plain(found.title))
    _side("names", found.names)
    _side("is named by", found.named_by)
    if found.left_out:
        say(f"  and {found.left_out} more")


def _side(word: str, neighbours: tuple[Neighbour, ...]) -> None:
    if not neighbours:
        say(f"  {word} nothing" if word == "names" else "  is named by nothing")
    for each in neighbours:
        say(f"  {word} {plain(each.title)} ({each.passages}×, as {plain(', '.join(each.names))})")


def _report(counts: MentionCounts, as_json: bool) -> None:
    if as_json:
        say_json({**asdict(counts), "complete": counts.complete})
        return
    say(
        f"{counts.mentions:,} mentions; the names of {counts.named_documents:,} of {counts.documents:,} "
        f"documents were read, and {counts.searched_passages:,} of {counts.passages:,} passages searched "
        "for all of them"
    )
    if not counts.complete:
        say("Next: `orchestrator graph build`.")


async def _counts(application: Application, version: IndexVersion) -> MentionCounts:
    from orchestrator.ports import DocumentNames

    return application.container.get(DocumentNames).counts()
