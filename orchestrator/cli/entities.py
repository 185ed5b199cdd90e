"""`orchestrator graph`: its commands for entities and facts, beside those for mentions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.existing_index import with_index
from orchestrator.cli.options import (
    IndexOption,
    JsonOption,
    PrincipalOption,
    WaitOption,
    complete,
    invocation,
)
from orchestrator.cli.output import note, plain, progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.ports import Entity, IndexVersion, KnowledgeStore
    from orchestrator.types import Principal

EntityArgument = Annotated[str, typer.Argument(help="Name or id of an entity.", metavar="ENTITY")]


def import_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files of one graph.", metavar="FILE")],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the import.", metavar="NAME", show_default="the first file's"),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="Access label. May be repeated.", show_default="public"),
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Tenant that owns it.", metavar="NAME")] = "default",
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import entities and facts: JSON lines, CSV, GraphML, N-Triples, Turtle, or LlamaIndex's JSON.

    What was imported under the same name before is replaced. What a file says of a document of the index
    belongs to its passages, and is read by whoever may read these and holds a label of the import.
    """
    from orchestrator.knowledge.graph_files import ImportReport, import_graph
    from orchestrator.ports import Import, IndexRegistry

    given = Import(name or paths[0].name, tenant, tuple(label or ["public"]))

    async def imported(application: Application, version: IndexVersion) -> ImportReport:
        registry, store = application.container.get(IndexRegistry), store_of(application, version)
        return await import_graph(paths, version.index, given, store, registry)

    report = complete(with_index(invocation(context).settings(index=index), imported))
    if as_json:
        say_json(asdict(report))
        return
    say(f"Imported {report.name}: {report.nodes:,} names and {report.edges:,} facts.")
    for reason, number in report.left_out:
        note(f"Left out: {number:,} {reason}.")
    if report.unknown_documents:
        first = ", ".join(report.unknown_documents[:3])
        note(f"{len(report.unknown_documents):,} documents are not in the index: {first}.")


def export_file(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="File, whose name says the format.", metavar="FILE")],
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export the entities and facts that a principal may read, as .jsonl, .csv, .graphml, .nt or .ttl."""
    from orchestrator.knowledge.graph_files import ExportReport, export_graph
    from orchestrator.ports import Documents

    given = invocation(context)
    reader = given.settings().reader(principal)

    async def exported(application: Application, version: IndexVersion) -> ExportReport:
        documents = application.container.get(Documents, version.index)
        return await export_graph(path, store_of(application, version), documents, principal=reader)

    report = complete(with_index(given.settings(index=index), exported))
    if as_json:
        say_json(asdict(report))
    else:
        files = " and ".join(str(each) for each in report.files)
        say(f"Exported {report.nodes:,} entities and {report.edges:,} facts to {files}.")


def facts(
    context: typer.Context,
    entity: EntityArgument,
    most: Annotated[int, typer.Option("--most", min=1, help="Facts to show.", metavar="N")] = 50,
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an entity with its aliases, definition and facts, as a principal may read them."""
    given = invocation(context)
    reader = given.settings().reader(principal)

    async def found(application: Application, version: IndexVersion) -> list[dict[str, Any]]:
        store = store_of(application, version)
        shown: list[dict[str, Any]] = []
        for one in await entities_of(store, entity, reader):
            said = await store.facts(one.id, principal=reader, limit=most)
            shown.append({**asdict(one), "facts": [{**asdict(fact), "text": fact.text} for fact in said]})
        return shown

    shown = complete(with_index(given.settings(index=index), found))
    if as_json:
        say_json(shown)
        return
    for one in shown:
        kind = f" ({one['type']})" if one["type"] else ""
        say(f"{one['id']}  {plain(one['name'])}{kind}")
        if one["aliases"]:
            say(f"  also {', '.join(one['aliases'])}")
        if one["definition"]:
            say(f"  {one['definition']}")
        for fact in one["facts"]:
            say(f"  {fact['text']}  [{fact['passage'] or fact['source']}]")


def extract(
    context: typer.Context,
    schema: Annotated[Path, typer.Option("--schema", help="Python file with the types.", metavar="FILE")],
    extractor: Annotated[
        str, typer.Option("--extractor", help="Name of an installed extractor.", metavar="NAME")
    ] = "schema",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it costs, and stop.")] = False,
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Extract entities and facts from the passages with a language model and a schema of types.

    The cost is said first. Texts that were extracted before are not read again; what failed is tried again.
    Exit code 2 if some passages failed: `orchestrator graph status` lists them.
    """
    from orchestrator.knowledge.extraction import Cost, ExtractionReport, cost
    from orchestrator.knowledge.extraction import extractor as extractor_of
    from orchestrator.knowledge.extraction_jobs import extract_locally
    from orchestrator.knowledge.schema import GraphSchema
    from orchestrator.ports import KnowledgeStore, LanguageModel, Ledger

    given = invocation(context)
    types = GraphSchema.of_file(schema)

    async def extracted(
        application: Application, version: IndexVersion
    ) -> tuple[Cost, ExtractionReport | None]:
        ports: Any = application.ports(version.index)
        made_by = extractor_of(extractor, types, ports[LanguageModel])
        told = await cost(ports[KnowledgeStore], made_by)
        note(
            f"{told.passages:,} passages to extract from, {told.known:,} of known texts: at least "
            f"{told.calls:,} calls of the model, with about {told.prompt_tokens:,} tokens of prompts."
        )
        if dry_run or not told.passages:
            return told, None
        with progress("Extracting") as moved:
            report = await extract_locally(
                ports[Ledger],
                ports,
                version,
                str(schema.resolve()),
                extractor=extractor,
                principal=application.settings.principal,
                progress=moved,
                wait=wait,
            )
        return told, report

    told, report = complete(with_index(given.settings(index=index), extracted))
    if as_json:
        say_json({"cost": asdict(told), "report": asdict(report) if report else None})
    elif report is not None:
        say(
            f"Extracted {report.facts:,} facts and {report.names:,} names from {report.extracted:,} texts; "
            f"{report.known:,} were known."
        )
    if report is not None and report.failed:
        note(f"{report.failed:,} passages failed: {report.reason}")
        raise typer.Exit(2)


async def entities_of(store: KnowledgeStore, given: str, reader: Principal) -> list[Entity]:
    """The entities of a name or an id; BadInput if there is none."""
    from orchestrator.errors import BadInput
    from orchestrator.text.entity_names import folded

    found = dict(await store.entities([given], principal=reader))
    if not found:
        lookup = folded(given)
        named = (await store.named([lookup], principal=reader)).get(lookup, ())
        found = await store.entities([each.id for each in named], principal=reader)
    if not found:
        raise BadInput(f"There is no entity {given!r}.", hint="Check the name; --principal says who asks.")
    return list({each.id: each for each in found.values()}.values())


async def only_entity(store: KnowledgeStore, given: str, reader: Principal) -> str:
    """The id of the one entity of a name; BadInput if there are several."""
    from orchestrator.errors import BadInput

    found = await entities_of(store, given, reader)
    if len(found) > 1:
        ids = ", ".join(f"{each.id} ({each.type or each.name})" for each in found)
        raise BadInput(f"{given!r} is the name of several entities: {ids}.", hint="Give one of the ids.")
    return found[0].id


def store_of(application: Application, version: IndexVersion) -> KnowledgeStore:
    """What an index has of entities and facts."""
    from orchestrator.ports import KnowledgeStore

    return application.container.get(KnowledgeStore, version.index)
