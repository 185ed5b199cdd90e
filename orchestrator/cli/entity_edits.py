"""`orchestrator graph`: merges, splits and new names of entities, by hand or proposed, and undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.entities import EntityArgument, only_entity, store_of
from orchestrator.cli.existing_index import with_index
from orchestrator.cli.options import (
    IndexOption,
    Invocation,
    JsonOption,
    PrincipalOption,
    WaitOption,
    complete,
    invocation,
)
from orchestrator.cli.output import note, plain, progress, say, say_json, table

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.knowledge.resolution import Proposal
    from orchestrator.ports import Edit, EditKind, IndexVersion


def merge(
    context: typer.Context,
    keep: EntityArgument,
    others: Annotated[list[str], typer.Argument(help="Entities that are the same.", metavar="ENTITY")],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge entities with the first; `graph undo` takes it back."""
    _edit(invocation(context), index, principal, "merge", [keep, *others], as_json)


def split(
    context: typer.Context,
    entity: EntityArgument,
    document: Annotated[
        list[str], typer.Option("--document", help="Document that means another one. May be repeated.")
    ],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split from an entity what some documents say of another one of its name; `graph undo` takes it back."""
    _edit(invocation(context), index, principal, "split", [entity], as_json, documents=document)


def rename(
    context: typer.Context,
    entity: EntityArgument,
    name: Annotated[str, typer.Argument(help="The name to show.", metavar="NAME")],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an entity under another name; `graph undo` takes it back."""
    _edit(invocation(context), index, principal, "rename", [entity], as_json, name=name)


def resolve(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Merge what is proposed.")] = False,
    alone: Annotated[
        float,
        typer.Option("--alone", min=0, max=1, help="How alike names must be, where nothing else is known."),
    ] = 0.8,
    beside: Annotated[
        float,
        typer.Option(
            "--beside", min=0, max=1, help="The same for entities of one type, or with a neighbour in common."
        ),
    ] = 0.6,
    most: Annotated[int, typer.Option("--most", min=1, help="Proposals to show.", metavar="N")] = 50,
    index: IndexOption = None,
    principal: PrincipalOption = None,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Propose merges of entities that are likely one, by name, type and what is said of them.

    With `--apply`, a job merges them: each is an entry of the journal, and `graph undo` takes it back. What
    was undone is not proposed again. No model is asked.
    """
    from orchestrator.knowledge.resolution import MergeTest, proposed
    from orchestrator.knowledge.resolution_jobs import resolve_locally
    from orchestrator.ports import Ledger

    given = invocation(context)
    reader = given.settings().reader(principal)
    test = MergeTest(alone, beside)

    async def found(application: Application, version: IndexVersion) -> tuple[list[Proposal], list[int]]:
        ports: Any = application.ports(version.index)
        shown = await proposed(store_of(application, version), reader, test=test)
        if not apply or not shown:
            return shown, []
        with progress("Merging") as moved:
            merged = await resolve_locally(
                ports[Ledger], ports, version, test, principal=reader, progress=moved, wait=wait
            )
        return shown, merged

    shown, merged = complete(with_index(given.settings(index=index), found))
    if as_json:
        say_json({"proposals": [asdict(each) for each in shown], "merges": merged})
        return
    rows = [
        (
            f"{each.score:.2f}",
            plain(each.keep.name),
            each.keep.type,
            plain(", ".join(one.name for one in each.others)),
        )
        for each in shown[:most]
    ]
    table(("score", "keep", "type", "merge"), rows)
    if len(shown) > most:
        note(f"And {len(shown) - most:,} more: --most shows them.")
    if merged:
        say(
            f"Merged: entries {merged[0]} to {merged[-1]} of the journal. "
            "`orchestrator graph undo` takes them back."
        )
    elif shown:
        note("Merge them with `orchestrator graph resolve --apply`.")


def undo(
    context: typer.Context,
    numbers: Annotated[
        list[int], typer.Argument(help="Numbers of entries of the journal.", metavar="NUMBER")
    ],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo merges, splits or new names."""
    given = invocation(context)
    reader = given.settings().reader(principal)

    async def undone(application: Application, version: IndexVersion) -> list[Edit]:
        store = store_of(application, version)
        return [await store.undo(number, principal=reader) for number in numbers]

    edits = complete(with_index(given.settings(index=index), undone))
    if as_json:
        say_json([asdict(edit) for edit in edits])
        return
    for edit in edits:
        say(f"Undone: {edit.kind} {edit.number}.")


def journal(
    context: typer.Context,
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """List merges, splits and new names, the oldest first."""
    given = invocation(context)
    reader = given.settings().reader(principal)

    async def listed(application: Application, version: IndexVersion) -> Sequence[Edit]:
        return await store_of(application, version).journal(principal=reader)

    entries = complete(with_index(given.settings(index=index), listed))
    if as_json:
        say_json([asdict(each) for each in entries])
        return
    rows = [
        (
            each.number,
            each.kind,
            " ".join(each.entities),
            each.name or " ".join(each.documents),
            each.by,
            "undone" if each.undone is not None else "",
        )
        for each in entries
    ]
    table(("number", "kind", "entities", "what", "by", "state"), rows)


def _edit(
    given: Invocation,
    index: str | None,
    principal: str | None,
    kind: EditKind,
    named: Sequence[str],
    as_json: bool,
    **what: Any,
) -> None:
    reader = given.settings().reader(principal)

    async def edited(application: Application, version: IndexVersion) -> Edit:
        store = store_of(application, version)
        ids = [await only_entity(store, each, reader) for each in named]
        return await store.edit(kind, ids, principal=reader, **what)

    edit = complete(with_index(given.settings(index=index), edited))
    if as_json:
        say_json(asdict(edit))
    else:
        say(f"Entry {edit.number} of the journal: {edit.kind} of {' '.join(edit.entities)}.")
        note(f"Undo it with `orchestrator graph undo {edit.number}`.")
