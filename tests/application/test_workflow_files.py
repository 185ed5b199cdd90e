"""Finding workflows by name and loading them from files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.application.workflow_files import load_file, load_workflow, shipped_files, workflow_files
from orchestrator.errors import BadInput, UnknownWorkflow

ONE = """
from orchestrator import Answer, Question, node, workflow

@node
async def echo(question: Question) -> Answer:
    return Answer(question.text)

{name} = workflow("{name}", echo)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "workflows").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add(folder: Path, name: str, text: str = ONE) -> Path:
    file = folder / "workflows" / f"{name}.py"
    file.write_text(text.replace("{name}", name))
    return file


def test_the_users_workflows_are_found_by_name(folder: Path) -> None:
    file = add(folder, "echoes")
    assert workflow_files()["echoes"] == file
    assert load_workflow("echoes").name == "echoes"


def test_a_users_workflow_is_taken_before_a_shipped_one_of_the_same_name(folder: Path) -> None:
    name = next(iter(shipped_files()))
    file = add(folder, name)
    assert workflow_files()[name] == file
    assert load_workflow(name).name == name


def test_every_shipped_workflow_loads_and_has_no_fault() -> None:
    assert {"chat", "search"} <= set(shipped_files())
    for name in shipped_files():
        load_workflow(name).check()


def test_a_file_is_loaded_by_its_path(folder: Path) -> None:
    file = folder / "elsewhere.py"
    file.write_text(ONE.replace("{name}", "echoes"))
    assert load_workflow("elsewhere.py").name == "echoes"
    assert load_workflow(str(file)).fingerprint == load_workflow("./elsewhere.py").fingerprint


def test_of_several_workflows_the_one_named_as_the_file_is_meant(folder: Path) -> None:
    two = ONE + 'other = workflow("other", echo)\n'
    file = add(folder, "echoes", two)
    assert load_workflow("echoes").name == "echoes"
    assert load_workflow(f"{file}:other").name == "other"
    assert [each.name for each in load_file(file)] == ["echoes", "other"]


def test_several_workflows_of_other_names_must_be_picked(folder: Path) -> None:
    two = ONE.replace("{name}", "first") + 'second = workflow("second", echo)\n'
    add(folder, "both", two)
    with pytest.raises(BadInput, match=r"first, second.*both\.py:second"):
        load_workflow("both")
    with pytest.raises(UnknownWorkflow, match=r"no workflow 'third'; it defines first, second"):
        load_workflow(f"{folder}/workflows/both.py:third")


def test_an_unknown_name_lists_the_known_ones(folder: Path) -> None:
    add(folder, "echoes")
    with pytest.raises(UnknownWorkflow, match=r"no workflow 'caht'; known are .*chat.*echoes"):
        load_workflow("caht")


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(UnknownWorkflow, match=r"no workflow file nowhere/none\.py"):
        load_workflow("nowhere/none.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = undefined\n", r"broken\.py, line 2: NameError: name 'undefined' is not defined\."),
        ("x = (\n", r"broken\.py, line 1: SyntaxError: '\(' was never closed\."),
        ("import nowhere_to_be_found\n", r"broken\.py, line 1: ModuleNotFoundError: "),
        ("def f():\n    raise ValueError('deep')\n\nf()\n", r"broken\.py, line 2: ValueError: deep\."),
        ("raise SystemExit(3)\n", r"broken\.py, line 1: SystemExit: 3\."),
        ("x = 1\n", r"broken\.py defines no workflow\."),
    ],
)
def test_a_file_that_does_not_load_says_where(folder: Path, text: str, said: str) -> None:
    add(folder, "broken", text)
    with pytest.raises(BadInput, match=said):
        load_workflow("broken")


def test_a_users_files_can_import_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    add(folder, "shared_parts_of_this_test", ONE)
    add(
        folder,
        "user_of_parts",
        "from orchestrator import workflow\nfrom shared_parts_of_this_test import echo\n"
        'user_of_parts = workflow("user_of_parts", echo)\n',
    )
    assert load_workflow("user_of_parts").name == "user_of_parts"


@pytest.mark.slow
def test_the_plan_of_a_workflow_does_not_depend_on_where_its_file_lies(tmp_path: Path) -> None:
    prints = set()
    for place in ("one", "two"):
        file = tmp_path / place / "echoes.py"
        file.parent.mkdir()
        file.write_text(ONE.replace("{name}", "echoes"))
        code = (
            "from orchestrator.application.workflow_files import load_workflow as load\n"
            f"print(load({str(file)!r}).fingerprint)"
        )
        prints.add(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert len(prints) == 1


@pytest.mark.slow
def test_llama_index_finds_its_own_workflows_package_from_the_repository_root() -> None:
    root = Path(__file__).parents[2]
    assert not (root / "workflows" / "__init__.py").exists()
    code = "import llama_index.core.workflow, workflows; print(workflows.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert "site-packages" in done.stdout
