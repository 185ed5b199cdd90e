"""Imports point one way, and importing the library costs nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Nothing of these may be loaded by `import orchestrator` or by the parts named beside it.
HEAVY = frozenset(
    {
        "alembic",
        "asyncio",
        "connectors",
        "fastapi",
        "langchain_core",
        "langgraph",
        "llama_index",
        "networkx",
        "numpy",
        "openai",
        "pydantic",
        "qdrant_edge",
        "rich",
        "scipy",
        "socket",
        "sqlalchemy",
        "tokenizers",
        "torch",
        "typer",
        "uvicorn",
    }
)


#: Extras whose libraries are imported, where they are used.
USED = ("minilm", "llm", "recommend", "train", "server", "rdf", "parquet", "s3")


@cache
def imported(file: Path) -> set[str]:
    """The modules that a file names in its import statements, wherever they stand."""
    names: set[str] = set()
    for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(each, ast.Import):
            names |= {alias.name for alias in each.names}
        elif isinstance(each, ast.ImportFrom) and each.module and not each.level:
            names.add(each.module)
    return names


def packages(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(file)}


@pytest.mark.slow
def test_the_library_imports_no_connector() -> None:
    """Not even the composition does: connectors come in by entry points, as a stranger's do."""
    files = [file for file in (ROOT / "orchestrator").rglob("*.py") if "_workflows" not in file.parts]
    assert files
    assert [file.relative_to(ROOT).as_posix() for file in files if "connectors" in packages(file)] == []


@pytest.mark.slow
def test_nothing_imports_a_workflow_by_name() -> None:
    for folder in ("orchestrator", "connectors"):
        for file in (ROOT / folder).rglob("*.py"):
            assert "workflows" not in packages(file), file


def test_workflows_are_made_of_nodes_alone() -> None:
    for file in (ROOT / "workflows").glob("*.py"):
        assert packages(file) <= {"__future__", "orchestrator", "typing"}, file


def test_connectors_know_the_library_by_what_it_promises() -> None:
    """An adapter may use ports, types, errors and shared text tools: never the doors or the engine."""
    closed = ("orchestrator.application", "orchestrator.cli", "orchestrator.serving", "orchestrator.graph")
    for file in (ROOT / "connectors").rglob("*.py"):
        assert not [name for name in imported(file) if name.startswith(closed)], file


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after a statement, and had not before."""
    code = (
        "import sys\nbefore = set(sys.modules)\n"
        f"{statement}\n"
        "print('\\n'.join({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_library_loads_nothing_heavy_and_opens_no_socket() -> None:
    assert loaded_by("import orchestrator") & HEAVY == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("orchestrator.types", set[str]()),
        ("orchestrator.errors", set[str]()),
        ("orchestrator.ports", set[str]()),
        ("orchestrator.graph.workflow", set[str]()),
        ("orchestrator.application.workflow_files", set[str]()),
        ("orchestrator.settings", {"pydantic", "asyncio", "socket"}),
        ("orchestrator.cli", set[str]()),
        ("orchestrator.cli.program", {"typer", "asyncio", "socket", "rich"}),
        ("orchestrator.application.application", {"pydantic", "asyncio", "socket"}),
    ],
)
def test_each_part_loads_only_what_it_stands_on(module: str, may: set[str]) -> None:
    assert loaded_by(f"import {module}") & HEAVY <= may


def test_every_public_name_is_there() -> None:
    import orchestrator

    for name in orchestrator.__all__:
        assert getattr(orchestrator, name) is not None


def test_every_library_that_is_imported_is_declared() -> None:
    """What only another dependency brings along can leave with its next release."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for name in USED for each in extras[name])]
    declared = {distribution(re.split(r"[^\w.-]", each)[0]) for each in wanted}
    known = packages_distributions()
    undeclared = {
        f"{file.relative_to(ROOT)}: {name}"
        for folder in ("orchestrator", "connectors")
        for file in (ROOT / folder).rglob("*.py")
        if "testing" not in file.parts
        for name in packages(file) - sys.stdlib_module_names - {"orchestrator", "connectors"}
        if not declared & {distribution(each) for each in known.get(name, [name])}
    }
    assert undeclared == set()


def test_every_declared_library_is_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for each in chain(project["dependencies"], *project["optional-dependencies"].values()):
        name = distribution(re.split(r"[^\w.-]", each)[0])
        assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE), name
    assert "://" not in pins
    assert "index-url" not in pins


def distribution(name: str) -> str:
    """A distribution's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()
