"""The commands, put together; what they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import orchestrator

if TYPE_CHECKING:
    from orchestrator.settings import Settings

program = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

IndexOption = Annotated[str | None, typer.Option("--index", "-i", help="Name of the index.", metavar="NAME")]
PrincipalOption = Annotated[
    str | None,
    typer.Option(
        "--principal",
        help="Who asks: a name from the settings, or tenant:grant,grant.",
        metavar="NAME",
        show_default="anonymous",
    ),
]
RecordOption = Annotated[
    Path | None,
    typer.Option("--record", help="Record what models and embedders are asked and answer.", metavar="FILE"),
]
ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", help="Answer from a recording, without any model or embedder.", metavar="FILE"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command's name."""

    config: Path | None
    home: Path | None

    def settings(self, **arguments: Any) -> Settings:
        """The settings, with what this command was given."""
        from orchestrator.settings import Settings

        return Settings(config=self.config, home=self.home, **arguments)


def invocation(context: typer.Context) -> Invocation:
    """What was said before the command's name."""
    return context.ensure_object(Invocation)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orchestrator {orchestrator.__version__}")
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
            "--home", help="Folder of database and indexes.", metavar="DIR", show_default=".orchestrator"
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Compose retrieval and reasoning as checked graphs; index, ask, serve."""
    context.obj = Invocation(config, home)


def _register() -> None:
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


_register()
