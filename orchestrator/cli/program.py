"""The program: its commands, those of the library and those that other distributions add."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from orchestrator import plugins
from orchestrator.cli import (
    ask,
    backup,
    calibrate,
    doctor,
    evaluate,
    feedback,
    index,
    prune,
    recommend,
    serve,
    source_weights,
    trace,
    workflows,
)
from orchestrator.cli.options import Invocation
from orchestrator.cli.output import note
from orchestrator.errors import PluginError
from orchestrator.version import __version__


class Commands(TyperGroup):
    """The library's commands, then those of entry points, which are looked for only when they are needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all that can be used: one that is broken is named, and does not break the help."""
        found = list(self.commands)
        for name in sorted(set(plugins.plugins(plugins.COMMANDS)) - set(found)):
            try:
                self.get_command(ctx, name)
                found.append(name)
            except PluginError as error:
                note(f"Note: {error.message}")
        return found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command; PluginError if its distribution is broken."""
        if cmd_name not in self.commands:
            found = plugins.plugin(plugins.COMMANDS, cmd_name)
            if found is not None:
                self.add_command(_added(found), cmd_name)
        return self.commands.get(cmd_name)


def _added(found: plugins.Plugin) -> Any:
    """A command of a plug-in: a typer application, or a function."""
    given = found.load()
    if not isinstance(given, typer.Typer):
        if not callable(given):
            raise plugins.broken(found, "it is neither a typer.Typer nor a function")
        single = typer.Typer(add_completion=False)
        single.command()(given)
        given = single
    command = get_command(given)
    command.name = found.name
    return command


program = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orchestrator {__version__}")
        raise typer.Exit


@program.callback(
    epilog="Example: `orchestrator index add docs && orchestrator ask 'How are documents removed?'`"
)
def begin(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback for every error.")] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The settings file.", metavar="FILE", show_default="orchestrator.toml"),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help="Folder of the database and the indexes.",
            metavar="DIR",
            show_default=".orchestrator",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Build, run and serve retrieval and reasoning workflows that are checked before they run."""
    context.obj = Invocation(config, home)


program.add_typer(index.program, name="index")
program.add_typer(recommend.program, name="recommend")
for each in (
    ask,
    serve,
    workflows,
    evaluate,
    calibrate,
    source_weights,
    trace,
    feedback,
    doctor,
    prune,
    backup,
):
    each.register(program)
