"""`orchestrator index`: add, list, update, rebuild, verify and remove the documents of an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from orchestrator.cli.added_files import as_json_object, say_added
from orchestrator.cli.background import BackgroundOption, submit
from orchestrator.cli.index_features import features
from orchestrator.cli.index_import import import_
from orchestrator.cli.index_move import move
from orchestrator.cli.options import IndexOption, Invocation, JsonOption, WaitOption, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json, table
from orchestrator.progress import Progress

if TYPE_CHECKING:
    from orchestrator.indexing.index_report import IndexReport, IndexStatus, RemovalReport
    from orchestrator.indexing.indexer import Indexer
    from orchestrator.ports import FileRow

program = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Manage indexes: add, update, remove, rebuild and verify.",
    epilog="Example: `orchestrator index add docs`",
)

ResultT = TypeVar("ResultT")

TenantOption = Annotated[
    str, typer.Option("--tenant", help="Tenant that owns the documents.", metavar="NAME")
]


@program.command(epilog="Example: `orchestrator index add docs --label public --label staff`")
def add(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(help="Folders or files to index, or their s3:// URLs.", metavar="PATH"),
    ],
    index: IndexOption = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            help="Access label: readers with this grant see the documents. May be repeated.",
            show_default="public",
        ),
    ] = None,
    tenant: TenantOption = "default",
    wait: WaitOption = 60.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 2 if a file, or a part of one, was left out.")
    ] = False,
    background: BackgroundOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; read files, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Index files and folders, or update the index after they changed.

    Unchanged files are skipped. Changed files are indexed again, and deleted files are removed from the
    index. Files that cannot be read are skipped and reported. Exit code 2 if none could be read.
    """
    given = invocation(context)
    if dry_run:
        from orchestrator.cli.dry_run import show_dry_run

        show_dry_run(given, paths, index, label or None, tenant, as_json=as_json)
        return
    if background:
        from orchestrator.indexing.orders import add_payload

        submit(given, "index", "add", index, add_payload(paths, label or None, tenant), as_json)
        return
    reports: list[IndexReport] = []

    async def each(indexer: Indexer, moved: Progress) -> None:
        async with aclosing(indexer.add_each(paths, label or None, tenant, moved)) as added:
            async for report in added:
                reports.append(report)

    try:
        _with_indexer(given, index, wait, "Adding", each)
    finally:
        # What was done before a path that cannot be added.
        for report in () if as_json else reports:
            say_added(report)
    if as_json:
        say_json(as_json_object(reports))
    if any(report.failed or (strict and not report.complete) for report in reports):
        raise typer.Exit(2)


@program.command(name="list", epilog="Example: `orchestrator index list --index default`")
def list_(context: typer.Context, index: IndexOption = None, as_json: JsonOption = False) -> None:
    """List all indexes, or the files of one."""
    if index is not None:
        _list_files(invocation(context), index, as_json)
        return
    from orchestrator.application.application import Application
    from orchestrator.ports import IndexRegistry

    application = Application(invocation(context).settings())
    try:
        found = application.container.get(IndexRegistry).indexes()
    finally:
        complete(application.close())
    if as_json:
        say_json(
            [
                {
                    "index": each.index,
                    "version": each.number,
                    "documents": each.documents,
                    "passages": each.passages,
                    "embedder": each.format.embedder,
                }
                for each in found
            ]
        )
    elif not found:
        say("There is no index yet.")
        note("Next: `orchestrator index add PATH`.")
    else:
        table(
            ("index", "documents", "passages", "version", "embedder"),
            [
                (each.index, each.documents, each.passages, each.number, each.format.embedder)
                for each in found
            ],
        )


def _list_files(given: Invocation, index: str, as_json: bool) -> None:
    found = _with_indexer(given, index, 0.0, "", lambda indexer, _: indexer.list())
    if as_json:
        say_json([asdict(each) for each in found])
        return
    by_root: dict[str, list[FileRow]] = {}
    for each in found:
        by_root.setdefault(each.root, []).append(each)
    for number, (root, rows) in enumerate(by_root.items()):
        if number:
            say()
        say(f"{root}:")
        # Names are as long as they are: behind them nothing is to be aligned.
        table(
            ("documents", "passages", "labels", "file"),
            [(each.documents, each.passages, ",".join(each.labels), each.file) for each in rows],
        )


@program.command(epilog="Example: `orchestrator index status --index default`")
def status(context: typer.Context, index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show the state of an index: its roots, skipped files with reasons, and unfinished jobs."""
    found = _with_indexer(invocation(context), index, 0.0, "", lambda indexer, _: indexer.status())
    if as_json:
        say_json(found.plain())
    else:
        _say_status(found)


def _say_status(found: IndexStatus) -> None:
    from orchestrator.indexing.index_report import in_parts

    say(
        f"Index {found.index}, version {found.version}: {found.documents} documents, "
        f"{found.passages} passages{in_parts(found.parts)}, by {found.format.embedder}."
    )
    if found.roots:
        say()
        table(
            ("files", "documents", "passages", "tenant", "labels", "root"),
            [
                (each.files, each.documents, each.passages, each.tenant, ",".join(each.labels), each.root)
                for each in found.roots
            ],
        )
    for root in found.roots:
        for file in root.skipped:
            say(f"Skipped {root.root}/{file.file}: {file.reason}")
    for job in found.jobs:
        why = f": {job.error}" if job.error else ""
        say(f"Job {job.id} ({job.kind}) is {job.state} after {job.attempt} attempts{why}")


@program.command(epilog="Example: `orchestrator index remove docs/old.md`")
def remove(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Folders and files of the index, or ids of documents.", metavar="PATH"),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove the index itself.")] = False,
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    background: BackgroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from an index, or the whole index. The files themselves are not deleted."""
    from orchestrator.errors import BadInput
    from orchestrator.indexing.orders import remove_payload

    given = invocation(context)
    if bool(paths) == everything:
        raise BadInput(
            "Say what to remove: paths, or the whole index, not both.",
            hint="Run `orchestrator index remove PATH`, or `orchestrator index remove --all --index NAME`.",
        )
    if background:
        if everything:
            raise BadInput(
                "An index itself is not removed in the background.", hint="Leave out `--background`."
            )
        submit(given, "index", "remove", index, remove_payload(paths or []), as_json)
        return
    if not paths:
        _drop(given, index, wait, as_json)
        return
    reports: list[RemovalReport] = []
    for path in paths:
        report = _with_indexer(
            given,
            index,
            wait,
            f"Removing {path}",
            lambda indexer, moved, path=path: indexer.remove(path, moved),
        )
        reports.append(report)
        if not as_json:
            say(
                f"Removed {report.removed_documents} documents of {report.removed_files} files; "
                f"index {report.index} has {report.documents} documents, {report.passages} passages."
            )
    if as_json:
        last = reports[-1]
        removed = {
            name: sum(getattr(each, name) for each in reports)
            for name in ("removed_files", "removed_documents")
        }
        say_json({**asdict(last), **removed, "dropped": False})


def _drop(given: Invocation, index: str | None, wait: float, as_json: bool) -> None:
    name = given.settings(index=index).index

    async def dropped(indexer: Indexer, moved: Progress) -> IndexStatus:
        before = await indexer.status()
        await indexer.drop(moved)
        return before

    before = _with_indexer(given, index, wait, f"Removing {name}", dropped)
    if as_json:
        say_json(
            {
                "index": name,
                "version": before.version,
                "removed_files": sum(root.files for root in before.roots),
                "removed_documents": before.documents,
                "documents": 0,
                "passages": 0,
                "dropped": True,
            }
        )
    else:
        say(f"Removed index {name}.")


@program.command(epilog="Example: `orchestrator index rebuild --index default`")
def rebuild(
    context: typer.Context,
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    background: BackgroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Embed all passages again with the configured embedder, from the stored texts.

    Needed after the embedder was changed. Until the rebuild is complete, queries use the old version.
    """
    if background:
        submit(invocation(context), "index", "rebuild", index, {}, as_json)
        return
    report = _with_indexer(
        invocation(context),
        index,
        wait,
        "Rebuilding",
        lambda indexer, moved: indexer.rebuild(moved),
        rebuild=True,
    )
    if as_json:
        say_json(asdict(report))
    else:
        say(
            f"Rebuilt index {report.index}: {report.documents} documents, {report.passages} passages "
            f"by {report.format.embedder}, in {report.seconds:.1f} s"
        )


program.command(epilog="Example: `orchestrator index features --kind keyphrases`")(features)
program.command(epilog="Example: `orchestrator index move --to pgvector`")(move)
program.command(name="import", epilog="Example: `orchestrator index import passages.parquet`")(import_)


@program.command(epilog="Example: `orchestrator index verify --json`")
def verify(context: typer.Context, index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Check the integrity of an index: its store against the registry. Exit code 2 if a fault is found."""
    report = _with_indexer(
        invocation(context), index, 0.0, "Verifying", lambda indexer, moved: indexer.verify(moved)
    )
    if as_json:
        say_json({**asdict(report), "ok": report.ok})
    elif report.ok:
        from orchestrator.indexing.index_report import in_parts

        say(
            f"Index {report.index}, version {report.version}, is sound: {report.documents} documents, "
            f"{report.passages} passages{in_parts(report.parts)}, in {report.seconds:.1f} s"
        )
    else:
        for fault in report.faults:
            say(fault)
        note(f"Next: `orchestrator index rebuild --index {report.index}`.")
        note("A rebuild embeds all passages again. If the database itself is damaged, restore a backup.")
    for told in () if as_json else report.notes:
        note(told)
    if not report.ok:
        raise typer.Exit(2)


def _with_indexer(
    given: Invocation,
    index: str | None,
    wait: float,
    title: str,
    act: Callable[[Indexer, Progress], Awaitable[ResultT]],
    *,
    rebuild: bool = False,
) -> ResultT:
    """Run an action with the indexer of an index and show its progress; close everything at the end."""
    from orchestrator.application.application import Application

    settings = given.settings(index=index)

    async def done() -> ResultT:
        async with Application(settings) as application:
            indexer = application.indexer(wait=wait, rebuild=rebuild)
            with progress(title) as moved:
                return await act(indexer, moved)

    return complete(done())
