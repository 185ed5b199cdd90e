"""The settings as a table, from the models of `orchestrator.settings`."""

from __future__ import annotations

import griffe

from tools.reference.markdown import cell, default, is_field, type_of
from tools.reference.source import symbol

MODULE = "orchestrator.settings"
PREFIX = "ORCHESTRATOR_"


def setting_names() -> list[str]:
    """Every setting by its dotted name: `index`, `serve.port`, …"""
    return [name for name, _, _ in _settings("Settings", "")]


def settings_table() -> str:
    """A row a setting."""
    rows = [
        f"| `{name}` | `{PREFIX}{name.upper().replace('.', '__')}` | {cell(type_of(owner, each))} "
        f"| {cell(default(each))} |"
        for name, owner, each in _settings("Settings", "")
    ]
    return "\n".join(
        ["| setting | environment variable | type | default |", "| --- | --- | --- | --- |", *rows]
    )


def _settings(model: str, before: str) -> list[tuple[str, griffe.Class, griffe.Attribute]]:
    owner = symbol(f"{MODULE}.{model}")
    assert isinstance(owner, griffe.Class)
    found: list[tuple[str, griffe.Class, griffe.Attribute]] = []
    for name, each in owner.members.items():
        if not isinstance(each, griffe.Attribute) or not is_field(each) or name.startswith("_"):
            continue
        table = symbol(MODULE).members.get(str(each.annotation))
        if isinstance(table, griffe.Class):
            found += _settings(table.name, f"{before}{name}.")
        else:
            found.append((before + name, owner, each))
    return found
