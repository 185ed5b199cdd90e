"""The program: its global options, and its commands, which are entry points of `orchestrator.commands`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from orchestrator import plugins
from orchestrator.cli.options import Invocation
from orchestrator.cli.output import note
from orchestrator.errors import PluginError
from orchestrator.version import __version__


class InstalledCommands(Mapping[str, Any]):
    """The commands by name, from entry points. Each is imported when it is first asked for.

    PluginError if its distribution is broken, or if two declare its name.
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            found = plugins.plugin(plugins.COMMANDS, name)
            if found is None:
                raise KeyError(name)
            self._made[name] = _made(found)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(plugins.plugins(plugins.COMMANDS)))

    def __len__(self) -> int:
        return len(plugins.plugins(plugins.COMMANDS))


class Commands(TyperGroup):
    """The group of all installed commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # typer only reads it.
        self.commands = cast("Any", InstalledCommands())

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all that can be used: one that is broken is named, and does not break the help."""
        found: list[str] = []
        for name in self.commands:
            try:
                self.get_command(ctx, name)
                found.append(name)
            except PluginError as error:
                note(f"Note: {error.message}")
        if plugins.COMMANDS in plugins.uninstalled():
            note(f"Note: {plugins.outdated(plugins.COMMANDS)}")
        return found


def _made(found: plugins.Plugin) -> Any:
    """A command of an entry point: a typer application, or a function."""
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
