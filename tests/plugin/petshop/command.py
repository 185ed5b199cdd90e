"""`orchestrator pets`: what the petshop has."""

from __future__ import annotations

from typing import Annotated

import typer


def pets(loud: Annotated[bool, typer.Option("--loud", help="In capitals.")] = False) -> None:
    """Say which pets there are."""
    from petshop.dataset import PETS

    said = ", ".join(PETS)
    typer.echo(said.upper() if loud else said)
