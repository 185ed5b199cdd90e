"""`orchestrator graph`: the graph of what documents say of one another, and the entities and facts in it."""

from __future__ import annotations

import typer

from orchestrator.cli.entities import export_file, extract, facts, import_files
from orchestrator.cli.entity_edits import journal, merge, rename, resolve, split, undo
from orchestrator.cli.mention_graph import build, show, status

program = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Build and show the graph of what documents say of one another, and its entities and facts.",
    epilog="Example: `orchestrator graph show 'Removing documents'`",
)

program.command(epilog="Example: `orchestrator graph build`")(build)
program.command(epilog="Example: `orchestrator graph status --json`")(status)
program.command(epilog='Example: `orchestrator graph show "Removing documents" --svg graph.svg`')(show)
program.command("import", epilog="Example: `orchestrator graph import triples.jsonl --label public`")(
    import_files
)
program.command("export", epilog="Example: `orchestrator graph export graph.graphml`")(export_file)
program.command(epilog='Example: `orchestrator graph facts "Journal of Mathematical Physics"`')(facts)
program.command(epilog="Example: `orchestrator graph extract --schema company.py --dry-run`")(extract)
program.command(epilog='Example: `orchestrator graph merge "United Kingdom" UK Britain`')(merge)
program.command(epilog="Example: `orchestrator graph split Mercury --document planets.md`")(split)
program.command(epilog='Example: `orchestrator graph rename UK "United Kingdom"`')(rename)
program.command(epilog="Example: `orchestrator graph resolve --apply`")(resolve)
program.command(epilog="Example: `orchestrator graph undo 3`")(undo)
program.command(epilog="Example: `orchestrator graph journal --json`")(journal)
