"""`orchestrator tree show`: print or draw a tree, and the way of a search through it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.existing_index import existing_index
from orchestrator.cli.options import IndexOption, JsonOption, PrincipalOption, complete, invocation
from orchestrator.cli.output import note, say, say_json

if TYPE_CHECKING:
    from orchestrator.tree.outline import OutlineRow


def show(
    context: typer.Context,
    node: Annotated[
        str, typer.Argument(help="Id of a node, or its first letters.", metavar="NODE", show_default="all")
    ] = "",
    query: Annotated[
        str, typer.Option("--query", "-q", help="Show the way of a search for this.", metavar="TEXT")
    ] = "",
    index: IndexOption = None,
    depth: Annotated[int, typer.Option("--depth", help="Levels that are shown.", metavar="N", min=0)] = 2,
    rounds: Annotated[int, typer.Option("--rounds", help="Rounds of the search.", metavar="N", min=1)] = 20,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw it into a file.", metavar="FILE")] = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print or draw the trees that may be read, or the path of a search with the scores at each node.

    The search begins at the root, without hits found before. A drawing is a static SVG without scripts.
    """
    from orchestrator.cli.result_files import require_writable, write_whole
    from orchestrator.tree.drawing import drawn
    from orchestrator.tree.outline import printed

    require_writable(svg)
    settings = invocation(context).settings(index=index, principal=principal)
    rows, degraded = complete(_rows(settings, node, query, depth, rounds))
    if svg is not None:
        title = f"Search for {query}" if query else f"Tree of the index {settings.index}"
        write_whole(svg, drawn(rows, title))
        note(f"Drew {svg}.")
    if as_json:
        nodes = [asdict(row) for row in rows]
        say_json({"index": settings.index, "query": query or None, "nodes": nodes, "degraded": degraded})
        return
    for line in printed(rows) if svg is None else ():
        say(line)
    for told in degraded:
        note(f"Degraded: {told}.")


async def _rows(
    settings: Any, node: str, query: str, depth: int, rounds: int
) -> tuple[list[OutlineRow], list[str]]:
    from orchestrator.application.application import Application
    from orchestrator.errors import BadInput
    from orchestrator.graph.workflow import workflow
    from orchestrator.nodes import TreeSearch
    from orchestrator.ports import Documents, TreeStore
    from orchestrator.tree.outline import Outlines
    from orchestrator.tree.search_path import SearchPath
    from orchestrator.types import Hits

    if node and query:
        raise BadInput("A search begins at the root.", hint="Give a node, or a query, and not both of them.")
    async with Application(settings) as application:
        existing_index(application)
        trees = application.container.get(TreeStore, settings.index)
        documents = application.container.get(Documents, settings.index)
        outlines = Outlines(trees, documents, settings.principal)
        if not query:
            return await outlines.of_tree(node, levels=depth), []
        # The same fault as without a query, where there is no tree.
        await outlines.of_tree(levels=0)
        searching = workflow("tree_show", TreeSearch(rounds=rounds))
        result = await application.run(searching, query)
        paths = result.noted(SearchPath)
        found = result.output if isinstance(result.output, Hits) else Hits()
        rows = await outlines.of_search(paths[-1], found) if paths else []
        return rows, [told.rstrip(".") for told in result.degraded]
