"""The shipped workflows: their docstrings, and what they are made of."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.reference.source import ROOT


def workflow_files() -> list[Path]:
    """The files of workflows/, by name."""
    return sorted(file for file in (ROOT / "workflows").glob("*.py") if not file.name.startswith("_"))


def workflow_section(file: Path) -> str:
    """A workflow under its name: what it is for, what can be changed, its code."""
    text = file.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) or ""
    code = text.rpartition("\nfrom orchestrator")[2]
    made = code.partition("\n\n")[2].strip()
    source = f"[source](../workflows/{file.name})"
    return "\n\n".join([f"### `{file.stem}`", source, said.replace("\n→", "\n→"), f"```text\n{made}\n```"])
