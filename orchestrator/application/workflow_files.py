"""Finds workflows by name and loads them from their files.

A workflow is a file of compositions, in `workflows/` of the working folder, or an entry point of
`orchestrator.workflows`. Those that come with the library are entry points, too. The user's files come
first, so that `orchestrator new` gives a copy that is then used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from orchestrator import plugins
from orchestrator.errors import BadInput, OrchestratorError, UnknownWorkflow

if TYPE_CHECKING:
    from orchestrator.graph.workflow import Workflow

FOLDER = "workflows"


def workflow_names(folder: Path | None = None) -> list[str]:
    """The workflows that can be named: of files, and of entry points."""
    return sorted({*workflow_files(folder), *plugins.plugins(plugins.WORKFLOWS)})


def workflow_files(folder: Path | None = None) -> dict[str, Path]:
    """The files of the user's workflows, by name."""
    return _inside((folder or Path.cwd()) / FOLDER)


def shipped_files() -> dict[str, Path]:
    """The files of the workflows that come with the library, by name."""
    return {name: file for each in shipped_folders() for name, file in _inside(each).items()}


def _inside(folder: Path) -> dict[str, Path]:
    # One that begins with `_` is a part of others.
    return {file.stem: file for file in sorted(folder.glob("[!_]*.py"))}


def load_workflow(name: str, folder: Path | None = None) -> Workflow:
    """The workflow of a name (`chat`) or a file (`flows/mine.py`); `file.py:name` picks one of several.

    UnknownWorkflow lists those there are; BadInput says in which line a file fails.
    """
    text, colon, wanted = name.rpartition(":") if ".py:" in name else (name, "", "")
    if text.endswith(".py") or "/" in text or "\\" in text:
        file = Path(text).expanduser()
        if not file.is_file():
            raise UnknownWorkflow(f"There is no workflow file {text}.", hint="Check the path.")
    else:
        known = workflow_files(folder)
        if text not in known:
            return _installed(text, folder)
        file = known[text]
    return _chosen(file, load_file(file), wanted if colon else None)


def _installed(name: str, folder: Path | None) -> Workflow:
    """The workflow of an entry point; UnknownWorkflow if there is none of that name."""
    from orchestrator.graph.workflow import Workflow

    found = plugins.plugin(plugins.WORKFLOWS, name)
    if found is None:
        raise UnknownWorkflow(
            f"There is no workflow {name!r}; known are {', '.join(workflow_names(folder)) or 'none'}.",
            hint=f"Name one of them, or a file: path/to/{name or 'mine'}.py.",
        )
    loaded = found.load()
    if not isinstance(loaded, Workflow):
        raise plugins.broken(found, f"it is a {type(loaded).__name__}, and no workflow")
    return loaded


def load_file(file: Path) -> list[Workflow]:
    """The workflows that a file defines, in its order."""
    from orchestrator.graph.workflow import Workflow

    module = _executed(file.resolve())
    found = {id(value): value for value in vars(module).values() if isinstance(value, Workflow)}
    return list(found.values())


def shipped_folders() -> Iterator[Path]:
    """Where the library's own workflows lie: inside the installed package, or in the checkout beside it."""
    package = Path(__file__).parents[1]
    for each in (package / "_workflows", package.parent / FOLDER):
        # Only a checkout has this file: site-packages may hold another distribution's `workflows`.
        if each.is_dir() and (each.name == "_workflows" or (each.parent / "pyproject.toml").is_file()):
            yield each


def _chosen(file: Path, found: list[Workflow], wanted: str | None) -> Workflow:
    names = ", ".join(each.name for each in found)
    if not found:
        raise BadInput(
            f"{file} defines no workflow.", hint=f'Add one: {file.stem} = workflow("{file.stem}", …).'
        )
    if wanted is None and len(found) == 1:
        return found[0]
    for each in found:
        if each.name == (wanted or file.stem):
            return each
    if wanted is None:
        # A workflow is a node: one that is part of the last one is not what the file is about.
        raise BadInput(
            f"{file} defines several workflows: {names}.", hint=f"Pick one: {file}:{found[-1].name}."
        )
    raise UnknownWorkflow(
        f"{file} defines no workflow {wanted!r}; it defines {names}.", hint="Pick one of these."
    )


def _executed(file: Path) -> ModuleType:
    # The name is part of a plan's fingerprint, so it must not depend on where the file lies.
    name = f"workflow_file_{file.stem}"
    while name in sys.modules and sys.modules[name].__file__ != str(file):
        name += "_"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BadInput(f"{file} is not a Python file.", hint="Name a file that ends in .py.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    if str(file.parent) not in sys.path and file.parent not in list(shipped_folders()):
        # Last, so that a user's files can import each other but hide nothing.
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except OrchestratorError:
        sys.modules.pop(name, None)
        raise
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise BadInput(
            f"{file}, line {_line(error, file)}: {type(error).__name__}: {_first_line(error)}.",
            hint="Correct that line.",
        ) from error
    return module


def _line(error: BaseException, file: Path) -> int:
    """The line of `file` that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 1
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _first_line(error: BaseException) -> str:
    text = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().partition("\n")[0]
    return text.rstrip(".")
