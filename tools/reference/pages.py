"""The pages of the reference: what stands on which, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import griffe

from tools.reference import commands
from tools.reference.markdown import REFERENCE, section
from tools.reference.settings import settings_table
from tools.reference.source import defined, description, home, listed, modules, symbol
from tools.reference.workflows import workflow_files, workflow_section

#: Packages of recommendation that are called from programs; of the others, an overview is enough.
RECOMMENDATION = (
    "orchestrator.interactions",
    "orchestrator.recommendation.evaluation",
    "orchestrator.recommendation.slate",
)
NOTE = "<!-- Generated from the docstrings by `make reference`; do not edit. -->"


def rendered() -> dict[str, str]:
    """The text of every page, by the name of its file."""
    made = {name: _page(title, intro, sections()) for name, (title, intro, sections) in PAGES.items()}
    made["index.md"] = _index()
    return {name: text.strip() + "\n" for name, text in made.items()}


def write(folder: Path = REFERENCE) -> list[Path]:
    """Write every page, and delete those that are made no more."""
    folder.mkdir(exist_ok=True)
    made = rendered()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


def _page(title: str, intro: str, sections: Iterable[str]) -> str:
    return "\n\n".join([NOTE, f"# {title}", intro, *sections])


def _index() -> str:
    rows = [
        f"| [{title}]({name}) | {intro.split('. ')[0].rstrip('.')} |"
        for name, (title, intro, _) in PAGES.items()
    ]
    table = "\n".join(["| page | holds |", "| --- | --- |", *rows])
    intro = (
        "Every public class, function, setting and command, from the docstrings of the source. "
        "[The documentation index](../docs/index.md) leads to pages that explain how they are used."
    )
    return _page("API reference", intro, [table])


# -- what a page holds -------------------------------------------------------------------------


def _names(package: str, wanted: Callable[[griffe.Object], bool] = lambda _: True) -> list[str]:
    found = [each for name in listed(package) if wanted(each := home(package, name))]
    return [section(each, package) for each in sorted(found, key=lambda each: each.name.lower())]


def _modules(*names: str) -> list[str]:
    """Every public definition of some modules and packages, under a heading a module."""
    made: list[str] = []
    for name in (each for given in names for each in modules(given)):
        if found := defined(name):
            made += [f"## `{name}`", description(symbol(name)), *(section(each, name) for each in found)]
    return made


def _overview(*names: str) -> list[str]:
    """The classes in one line each: for packages that are read rather than called."""
    rows = [
        f"| `{each.name}` | `{name}` | {_first(each)} |"
        for name in (each for given in names for each in modules(given))
        if ".migrations" not in name
        for each in defined(name)
        if isinstance(each, griffe.Class)
    ]
    return ["\n".join(["| name | module | description |", "| --- | --- | --- |", *rows])]


def _first(found: griffe.Object) -> str:
    return " ".join(description(found).split("\n\n")[0].split()).replace("|", "\\|")


def _nodes() -> list[str]:
    """The nodes, under a heading a family."""
    package = "orchestrator.nodes"
    families: dict[str, list[griffe.Object]] = {}
    for name in listed(package):
        found = home(package, name)
        families.setdefault(found.path.split(".")[2], []).append(found)
    made: list[str] = []
    for family, found in sorted(families.items()):
        about = description(symbol(f"{package}.{family}"))
        made += [f"## {family.capitalize()}", about]
        made += [section(each, package) for each in sorted(found, key=lambda each: each.name.lower())]
    return made


#: The rooms whose public names are the engine's.
ENGINE = ("orchestrator.graph", "orchestrator.budget")


def _engine() -> list[str]:
    contract = ["## The node contract", description(symbol("orchestrator.graph.node")), "## Names"]
    return [*contract, *_names("orchestrator", lambda each: each.path.startswith(ENGINE))]


def _ports() -> list[str]:
    return _names("orchestrator.ports")


def _commands() -> list[str]:
    return [commands.section(name, each) for name, each in sorted(commands.commands().items())]


def _workflows() -> list[str]:
    return [workflow_section(each) for each in workflow_files()]


#: file → title, introduction, sections.
PAGES: dict[str, tuple[str, str, Callable[[], Iterable[str]]]] = {
    "nodes.md": ("Nodes", "The nodes of `orchestrator.nodes`, by family. Fields are settings.", _nodes),
    "workflows.md": (
        "Shipped workflows",
        "The compositions of `workflows/`, and what can be changed in each.",
        _workflows,
    ),
    "commands.md": ("Commands", "The command line, `orchestrator COMMAND --help`.", _commands),
    "settings.md": (
        "Settings",
        "Settings, variables, types and defaults. [Configuration](../docs/configuration.md) describes them.",
        lambda: [settings_table()],
    ),
    "graph.md": ("Graphs and runs", "Nodes, operators, workflows, budgets, events and results.", _engine),
    "types.md": ("Types", "The values that flow between nodes.", lambda: _modules("orchestrator.types")),
    "errors.md": ("Errors", "Every error that a user can meet.", lambda: _modules("orchestrator.errors")),
    "ports.md": ("Ports", "The protocols that connectors implement, with their values.", _ports),
    "application.md": (
        "Application",
        "The application, its settings model, indexing and backup.",
        lambda: _modules(
            "orchestrator.application",
            "orchestrator.settings",
            "orchestrator.indexing.indexer",
            "orchestrator.indexing.index_report",
            "orchestrator.indexing.tool_records",
            "orchestrator.backup",
        ),
    ),
    "models.md": (
        "Language models",
        "Wrappers of language models: cache, recording, routing; and the bandit that learns whom to ask.",
        lambda: _modules("orchestrator.models"),
    ),
    "evaluation.md": (
        "Evaluation",
        "Experiments on judged queries: data sets, metrics, significance, runs, reports.",
        lambda: _modules("orchestrator.evaluation"),
    ),
    "ranking.md": ("Ranking functions", "Ranking without a graph.", lambda: _modules("orchestrator.ranking")),
    "recommendation.md": (
        "Recommendation",
        "Interaction logs, items, rankers, editions, slates, generative decoding.",
        lambda: [*_modules(*RECOMMENDATION), *_overview("orchestrator.recommendation")],
    ),
    "serving.md": (
        "Serving",
        "The HTTP endpoint as an ASGI application.",
        lambda: _names("orchestrator.serving"),
    ),
    "connectors.md": (
        "Connectors",
        "The adapters of ports to libraries and servers.",
        lambda: _overview("connectors"),
    ),
    "testing.md": (
        "Testing",
        "Conformance tests of the ports, and stand-ins for tests.",
        lambda: _modules("orchestrator.testing"),
    ),
}
