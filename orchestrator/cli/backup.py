"""`orchestrator backup|restore`: save all stored data in one file, and restore it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.options import JsonOption, command, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.backup.archive import Manifest


@command("orchestrator backup monday.tar")
def backup(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="File to write.", metavar="PATH")],
    as_json: JsonOption = False,
) -> None:
    """Write indexes, runs, conversations and trained recommenders to one file, while they are in use."""
    from orchestrator.application.application import Application

    application = Application(invocation(context).settings())
    try:
        with progress("Backing up") as moved:
            manifest = application.backup(path, moved)
    finally:
        complete(application.close())
    _report(manifest, path, "Backed up", as_json)


@command("orchestrator restore monday.tar --force")
def restore(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="File that `backup` wrote.", metavar="PATH")],
    force: Annotated[bool, typer.Option("--force", help="Replace existing data.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup, after verifying every file in it.

    If it is interrupted, the next command completes it or finds the data unchanged.
    """
    from orchestrator.application.application import Application

    application = Application(invocation(context).settings())
    try:
        with progress("Restoring") as moved:
            manifest = application.restore(path, moved, force=force)
    finally:
        complete(application.close())
    _report(manifest, path, "Restored", as_json)


def _report(manifest: Manifest, path: Path, done: str, as_json: bool) -> None:
    size = path.stat().st_size
    if as_json:
        indexes: list[dict[str, Any]] = [
            {
                "index": each.name,
                "version": each.version,
                "documents": each.documents,
                "passages": each.passages,
                "vectors": each.vectors,
            }
            for each in manifest.indexes
        ]
        say_json(
            {
                "path": str(path),
                "created": manifest.created,
                "bytes": size,
                "unpacked_bytes": sum(each.size for each in manifest.files.values()),
                "indexes": indexes,
                "recommenders": manifest.trained,
            }
        )
        return
    names = ", ".join(f"{each.name} ({each.documents} documents)" for each in manifest.indexes)
    trained = f" and the recommenders' {manifest.trained}" if manifest.trained else ""
    unpacked = sum(each.size for each in manifest.files.values())
    say(
        f"{done} {names or 'no index'}{trained}: {path}, {size / 1e6:.1f} MB "
        f"(unpacked {unpacked / 1e6:,.1f} MB, most of it room not used yet)"
    )
    for each in manifest.indexes:
        if not each.vectors:
            note(
                f"The vectors of the index {each.name} are in its store, and not in the backup: once it is "
                f"restored, run `orchestrator index rebuild --index {each.name}`."
            )
