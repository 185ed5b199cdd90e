"""reference/ holds every public name, with a description, as the source says it today."""

from __future__ import annotations

import re

import pytest

from tests.docs.page import ROOT
from tools.reference.commands import commands
from tools.reference.index_lists import INDEX, filled
from tools.reference.pages import PAGES, rendered
from tools.reference.settings import setting_names
from tools.reference.source import listed
from tools.reference.workflows import workflow_files

REFERENCE = ROOT / "reference"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages as the source makes them now."""
    return rendered()


def sections(page: str) -> dict[str, str]:
    """The text below each heading of the third level, by the name in it."""
    parts = re.split(r"^### `(.+)`$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def described(section: str) -> bool:
    """Whether a section says anything beside its import, its code and its tables."""
    text = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not re.match(r"`from |\||- `|Reads |\[source\]|#|$", line)]
    return any(re.search(r"\w{3}", line) for line in lines)


@pytest.mark.slow
def test_the_committed_pages_are_up_to_date(pages: dict[str, str]) -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in REFERENCE.glob("*.md")}
    stale = sorted(name for name in pages.keys() | committed if pages.get(name) != committed.get(name))
    assert stale == [], "The docstrings have changed: run `make reference` and commit reference/."


@pytest.mark.slow
def test_the_lists_of_the_index_are_up_to_date() -> None:
    text = INDEX.read_text(encoding="utf-8")
    assert filled(text) == text, "Run `make reference` and commit docs/index.md."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("orchestrator.nodes", ["nodes.md"]),
        ("orchestrator.ports", ["ports.md"]),
        ("orchestrator.evaluation", ["evaluation.md"]),
        ("orchestrator.serving", ["serving.md"]),
        ("orchestrator", ["graph.md", "types.md", "application.md"]),
    ],
)
def test_every_public_name_of_a_package_is_described(
    package: str, names: list[str], pages: dict[str, str]
) -> None:
    found = {name: text for page in names for name, text in sections(pages[page]).items()}
    public = listed(package)
    assert len(public) > 2
    assert [name for name in public if not described(found.get(name, ""))] == []


@pytest.mark.parametrize(("module", "page"), [("types", "types.md"), ("errors", "errors.md")])
def test_every_public_definition_of_a_module_is_described(
    module: str, page: str, pages: dict[str, str]
) -> None:
    import ast

    tree = ast.parse((ROOT / "orchestrator" / f"{module}.py").read_text(encoding="utf-8"))
    public = [
        each.name
        for each in tree.body
        if isinstance(each, ast.ClassDef | ast.FunctionDef) and not each.name.startswith("_")
    ]
    found = sections(pages[page])
    assert [name for name in public if not described(found.get(name, ""))] == []


def test_every_command_and_option_is_described(pages: dict[str, str]) -> None:
    found = sections(pages["commands.md"])
    for name, command in commands().items():
        section = found[f"orchestrator {name}"]
        assert described(section), name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert f"`{parameter.opts[0]}`" in section, f"{name} {parameter.opts[0]}"
                assert parameter.help, f"{name} {parameter.opts[0]}"


def test_every_shipped_workflow_is_described(pages: dict[str, str]) -> None:
    found = sections(pages["workflows.md"])
    assert [file.stem for file in workflow_files() if not described(found[file.stem])] == []


def test_every_setting_has_its_row(pages: dict[str, str]) -> None:
    names = setting_names()
    assert {"index", "serve.port", "retention.runs"} <= set(names)
    assert [name for name in names if f"| `{name}` |" not in pages["settings.md"]] == []


def test_nothing_that_reads_as_a_private_name_is_shown(pages: dict[str, str]) -> None:
    for name in PAGES:
        assert [shown for shown in sections(pages[name]) if shown.startswith("_")] == [], name
