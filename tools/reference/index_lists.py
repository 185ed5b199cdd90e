"""The lists of docs/index.md that name every node, workflow, command and port."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

from tools.reference.commands import commands
from tools.reference.source import ROOT, description, home, listed
from tools.reference.workflows import workflow_files

INDEX = ROOT / "docs" / "index.md"


def filled(text: str) -> str:
    """The page with each list as it should be now."""
    for name, lines in LISTS.items():
        made = "\n".join(sorted(lines(), key=str.lower))
        found = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
        assert found.search(text), f"docs/index.md has no place for the list of {name}"
        text = found.sub(lambda place, made=made: f"{place[1]}\n{made}\n\n{place[2]}", text)
    return text


def write_lists() -> None:
    """Bring the lists of docs/index.md up to date."""
    INDEX.write_text(filled(INDEX.read_text(encoding="utf-8")), encoding="utf-8")


def _line(name: str, page: str, said: str) -> str:
    anchor = name.lower().replace(" ", "-")
    return f"- [`{name}`](../reference/{page}.md#{anchor}): {_sentence(said)}"


def _sentence(said: str) -> str:
    """The first sentence; a text in which a point ends no sentence is short enough as it is."""
    paragraph = " ".join(said.split("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z`])", paragraph)[0].rstrip(".:")


def _public(package: str, page: str) -> list[str]:
    return [_line(name, page, description(home(package, name))) for name in listed(package)]


def _workflows() -> list[str]:
    found: list[str] = []
    for file in workflow_files():
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        found.append(_line(file.stem, "workflows", said.partition(": ")[2]))
    return found


def _commands() -> list[str]:
    return [
        _line(f"orchestrator {name}", "commands", str(each.help or "")) for name, each in commands().items()
    ]


LISTS: dict[str, Callable[[], Iterable[str]]] = {
    "nodes": lambda: _public("orchestrator.nodes", "nodes"),
    "workflows": _workflows,
    "commands": _commands,
    "ports": lambda: _public("orchestrator.ports", "ports"),
}
