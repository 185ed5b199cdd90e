"""The rooms of the library: imports point one way and never in a circle, and names say one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: From left to right: a room imports from its own level and from those before it.
LEVELS: tuple[tuple[str, ...], ...] = (
    (
        "version",
        "types",
        "places",
        "values",
        "json_object",
        "errors",
        "clock",
        "process",
        "loops",
        "lazy_names",
        "entry_points",
        "plugins",
        "settings",
        "settings_renamed",
        "bootstrap",
        "progress",
        "logs",
        "budget",
        "text",
        "interactions",
    ),
    ("ports",),
    (
        "tracing",
        "graph",
        "models",
        "ranking",
        "knowledge",
        "nodes",
        "indexing",
        "jobs",
        "recommendation",
        "evaluation",
        "backup",
        "tree",
        "vector_stores",
    ),
    ("application", "testing"),
    ("serving", "cli"),
)
#: Imports against the direction, each with its reason. Three at most.
EXCEPTIONS: dict[tuple[str, str], str] = {}
#: One concept may have its file in several families; these are the same concept everywhere.
SAME_CONCEPT = frozenset({"__init__.py", "node.py", "schema.py"})


def modules() -> dict[str, Path]:
    """Every module of the library and its connectors, by its dotted name."""
    found: dict[str, Path] = {}
    for package in ("orchestrator", "connectors"):
        for file in (ROOT / package).rglob("*.py"):
            if "_workflows" not in file.parts:
                name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = file
    return found


MODULES = modules()


def imports(file: Path) -> set[str]:
    """Modules of ours that a file imports anywhere in it, also for types alone and inside functions."""
    names: set[str] = set()
    for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(each, ast.ImportFrom) and each.module:
            for alias in each.names:
                inner = f"{each.module}.{alias.name}"
                names.add(inner if inner in MODULES else each.module)
        elif isinstance(each, ast.Import):
            names |= {alias.name for alias in each.names}
    return {name for name in names if name in MODULES}


@cache
def graph() -> dict[str, set[str]]:
    """What each module imports. Every worker collects this file, and one of them needs it."""
    return {name: imports(file) for name, file in MODULES.items()}


#: What hands out its content lazily: importing a name from it is importing nothing else.
PUBLIC = frozenset({"orchestrator", "orchestrator.nodes"})
FOLDERS = sorted({name.rpartition(".")[0] for name in MODULES} - {""})


def circles(imported: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected groups of more than one (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(imported.get(node, ())):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(imported):
        if node not in order:
            visit(node)
    return found


def room(name: str) -> str:
    """The file or folder of `orchestrator` in which a module lies."""
    return name.split(".")[1]


def test_the_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_module_imports_in_a_circle() -> None:
    lazy = {name: others for name, others in graph().items() if name not in PUBLIC}
    assert circles(lazy) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_files_and_folders_import_in_a_circle(folder: str) -> None:
    """Seen from a folder, what lies in it: its files and its folders."""
    depth = folder.count(".") + 2

    def part(name: str) -> str | None:
        return ".".join(name.split(".")[:depth]) if name.startswith(f"{folder}.") else None

    inside: dict[str, set[str]] = defaultdict(set)
    for name, others in graph().items():
        for other in others:
            source, target = part(name), part(other)
            if source and target and source != target:
                inside[source].add(target)
    assert circles(inside) == []


def test_every_room_has_its_level() -> None:
    rooms = {room(name) for name in MODULES if name.startswith("orchestrator.")}
    assert rooms == {each for level in LEVELS for each in level}


def test_imports_point_to_the_left() -> None:
    level = {each: number for number, level in enumerate(LEVELS) for each in level}
    wrong = {
        (name, other)
        for name, others in graph().items()
        for other in others
        if name.startswith("orchestrator.")
        and other.startswith("orchestrator.")
        and level[room(other)] > level[room(name)]
    }
    assert {f"{name} -> {other}" for name, other in wrong - EXCEPTIONS.keys()} == set()
    assert set(EXCEPTIONS) <= wrong, "an exception that nobody needs"
    assert len(EXCEPTIONS) <= 3


def test_nothing_imports_the_package_itself() -> None:
    """Its names are for users; inside the library it would be a circle."""
    assert [name for name, others in graph().items() if "orchestrator" in others] == []


def test_no_file_is_named_like_another_in_a_sibling_room() -> None:
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, file in MODULES.items():
        path = file.relative_to(ROOT)
        # Ports, conformance classes and commands are named after what they are for; so are vendors' files.
        family = name.startswith("orchestrator.") and room(name) not in ("ports", "testing", "cli")
        if family and path.name not in SAME_CONCEPT and len(path.parts) > 2:
            named[path.parent.parent.as_posix(), path.name].append(path.as_posix())
    twice = {key: files for key, files in named.items() if len(files) > 1}
    assert twice == {}


def test_modules_stay_short() -> None:
    long = {
        name: lines
        for name, file in MODULES.items()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
