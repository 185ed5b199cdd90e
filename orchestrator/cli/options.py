"""What commands share: how one is made of a function, options of several, the global options before it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from orchestrator.settings import Settings

T = TypeVar("T")

IndexOption = Annotated[str | None, typer.Option("--index", "-i", help="Name of the index.", metavar="NAME")]
PrincipalOption = Annotated[
    str | None,
    typer.Option(
        "--principal",
        help="Principal who asks: a name from the settings, or tenant:grant,grant.",
        metavar="NAME",
        show_default="anonymous",
    ),
]
RecordOption = Annotated[
    Path | None,
    typer.Option(
        "--record", help="Record all calls of models and embedders, with their answers.", metavar="FILE"
    ),
]
ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", help="Replay a recording, without any model or embedder.", metavar="FILE"),
]
WaitOption = Annotated[
    float, typer.Option("--wait", help="Seconds to wait for another writer.", metavar="SECONDS", min=0)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def command(example: str) -> Callable[[Callable[..., None]], typer.Typer]:
    """Make a command of a function, for an entry point of `orchestrator.commands`.

    The example ends its help. The name is that of the entry point.
    """

    def made(function: Callable[..., None]) -> typer.Typer:
        program = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        program.command(epilog=f"Example: `{example}`")(function)
        return program

    return made


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in an event loop of its own.

    asyncio is imported here since it takes a tenth of a command's start, and `--help` needs none of it.
    """
    import asyncio

    return asyncio.run(work)


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options, given before the command's name."""

    config: Path | None
    home: Path | None

    @property
    def arguments(self) -> list[str]:
        """The global options as another process is given them."""
        named = (("--config", self.config), ("--home", self.home))
        return [f"{option}={path.absolute()}" for option, path in named if path is not None]

    def settings(self, **arguments: Any) -> Settings:
        """The settings, with what this command was given."""
        from orchestrator.settings import Settings

        return Settings(config=self.config, home=self.home, **arguments)


def invocation(context: typer.Context) -> Invocation:
    """The global options, given before the command's name."""
    return context.ensure_object(Invocation)
