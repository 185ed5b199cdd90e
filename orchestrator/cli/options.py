"""Options that several commands share, and the global options before the command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestrator.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options, given before the command's name."""

    config: Path | None
    home: Path | None

    def settings(self, **arguments: Any) -> Settings:
        """The settings, with what this command was given."""
        from orchestrator.settings import Settings

        return Settings(config=self.config, home=self.home, **arguments)


def invocation(context: typer.Context) -> Invocation:
    """The global options, given before the command's name."""
    return context.ensure_object(Invocation)
