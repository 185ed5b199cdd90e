"""`orchestrator index import`: passages with their vectors, which another engine has embedded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.options import IndexOption, JsonOption, WaitOption, complete, invocation
from orchestrator.cli.output import progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.indexing.import_job import ImportReport


def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Parquet files.", metavar="FILE")],
    index: IndexOption = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            help="Access label of documents that have none in the file. May be repeated.",
            show_default="public",
        ),
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", help="Tenant that owns the documents.", metavar="NAME")
    ] = "default",
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Index passages with vectors from Parquet files, without embedding them here.

    A row is a passage, with the columns document, text and vector, and optionally title, labels and metadata.
    The vectors must be those of the configured embedder. Importing a file again updates the index.
    """
    from orchestrator.application.application import Application
    from orchestrator.types import PUBLIC

    settings = invocation(context).settings(index=index)

    async def done() -> list[ImportReport]:
        async with Application(settings) as application:
            indexer = application.indexer(wait=wait)
            with progress("Importing") as moved:
                return [
                    await indexer.import_vectors(path, label or [PUBLIC], tenant, moved) for path in paths
                ]

    reports = complete(done())
    if as_json:
        say_json([asdict(report) for report in reports])
        return
    for report in reports:
        say(
            f"Imported {report.imported} documents of {report.file}, removed {report.removed}; index "
            f"{report.index} has {report.documents} documents, {report.passages} passages."
        )
