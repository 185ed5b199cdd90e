"""`orchestrator index move`: an index follows the vector store that the settings choose."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.options import IndexOption, JsonOption, WaitOption, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.indexing.index_report import RebuildReport
    from orchestrator.settings import Settings


def move(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="The store that has the index.", metavar="STORE", show_default="configured"
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to", help="The store that is to have it.", metavar="STORE", show_default="configured"
        ),
    ] = None,
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Move the vectors of an index to another vector store, without embedding them again.

    Give `--to` before the setting `vector_store` is changed, or `--from` afterwards. The first store is
    searched until all is copied; then its copy is deleted.
    """
    from orchestrator.application.application import Application
    from orchestrator.errors import BadInput
    from orchestrator.ports import VectorStore

    settings = invocation(context).settings(index=index)

    async def done() -> tuple[RebuildReport, str, str, str]:
        async with Application(settings) as configured:
            chosen = configured.container.connectors.chosen(VectorStore)
        old, new = source or chosen, target or chosen
        if old == new:
            raise BadInput(
                f"The index is to move from {old} to {new}, which is the same store.",
                hint=f"The settings choose {chosen}: name another with --to, or with --from after a change.",
            )
        async with Application(_with_store(settings, new)) as application:
            indexer = application.indexer(wait=wait)
            with progress("Moving") as moved:
                return await indexer.move(old, moved), old, new, chosen

    report, old, new, chosen = complete(done())
    if as_json:
        say_json({**asdict(report), "from": old, "to": new})
        return
    say(
        f"Moved index {report.index} from {old} to {new}: {report.documents} documents, "
        f"{report.passages} passages, in {report.seconds:.1f} s"
    )
    if new != chosen:
        note(f'Next: set [ports] vector_store = "{new}".')


def _with_store(settings: Settings, store: str) -> Settings:
    """The same settings, with another vector store."""
    from orchestrator.settings import ExactSettings

    plain: dict[str, Any] = settings.plain()
    plain["ports"] = {**settings.ports, "vector_store": store}
    plain["ports"].pop("index_writer", None)
    return ExactSettings(**plain)
