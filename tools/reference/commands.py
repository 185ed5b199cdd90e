"""The commands, with their arguments and options, as their own `--help` says them."""

from __future__ import annotations

from typing import Any

HEAD = ("| argument or option | default | description |", "| --- | --- | --- |")
Command = Any  # typer brings its own click, whose types are not public


def commands() -> dict[str, Command]:
    """Every command by its full name: `ask`, `index add`, …"""
    from typer.main import get_command

    from orchestrator.cli.program import program

    return dict(_inner(get_command(program), ""))


def _inner(group: Command, before: str) -> list[tuple[str, Command]]:
    found: list[tuple[str, Command]] = []
    for name, each in group.commands.items():
        found += _inner(each, f"{before}{name} ") if hasattr(each, "commands") else [(before + name, each)]
    return found


def section(name: str, command: Command) -> str:
    """A command under its name: what it is for, its arguments and options, an example."""
    lines = [f"### `orchestrator {name}`", " ".join(str(command.help or "").replace("\n\n", "¶").split())]
    lines[1] = lines[1].replace("¶", "\n\n")
    rows = [
        _row(each) for each in command.params if not getattr(each, "hidden", False) and each.name != "help"
    ]
    if rows:
        lines.append(
            "\n".join(["| argument or option | default | description |", "| --- | --- | --- |", *rows])
        )
    if command.epilog:
        lines.append(str(command.epilog))
    return "\n\n".join(lines)


def _row(parameter: Command) -> str:
    named = parameter.param_type_name == "option"
    shown = ", ".join(f"`{each}`" for each in parameter.opts) if named else f"`{_metavar(parameter)}`"
    if named and not parameter.is_flag and parameter.metavar:
        shown += f" {parameter.metavar}"
    said = " ".join(str(getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {shown} | {_default(parameter)} | {said} |"


def _metavar(parameter: Command) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _default(parameter: Command) -> str:
    if parameter.required:
        return "required"
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    value: object = parameter.default
    if value is None or callable(value) or value is False or value in ((), []):
        return ""
    return f"`{value}`"
