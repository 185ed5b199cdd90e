"""The source of code: the library's, and of the modules that a function or class is defined by."""

from __future__ import annotations

import ast
import hashlib
import inspect
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import source_from_cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

#: The folder of the library, three above this file's.
_PACKAGE = Path(__file__).resolve().parents[2]
LIBRARY = (str(_PACKAGE) + "/", str(_PACKAGE.parent / "connectors") + "/")
_INSTALLED = tuple(
    f"{Path(folder).resolve()}/"
    for folder in {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
)


@lru_cache(maxsize=1)
def library_code() -> str:
    """The digest of the library's and the connectors' files, read once a process."""
    digest = hashlib.sha256()
    for folder in LIBRARY:
        for file in sorted(Path(folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def is_library(file: str) -> bool:
    """Whether a file is one of the library's or the connectors'."""
    return file.startswith(LIBRARY)


@lru_cache(maxsize=4096)
def is_own(file: str) -> bool:
    """Whether a file is the user's: neither the library's nor that of an installed package."""
    return file.endswith(".py") and not file.startswith((*LIBRARY, *_INSTALLED)) and Path(file).is_file()


def file_of(thing: Any) -> str:
    """The file of a function, class or module; empty where there is none."""
    try:
        return _source_of(inspect.getfile(thing))
    except (TypeError, OSError):
        return ""


@lru_cache(maxsize=4096)
def _source_of(file: str) -> str:
    path = Path(source_from_cache(file) if file.endswith(".pyc") else file)
    return str(path.resolve()) if path.is_file() else ""


def modules_code(scope: Mapping[str, Any], file: str) -> str:
    """The digest of a module's file and, transitively, of the user's own modules that it imports from.

    These are the modules that its source names, wherever it imports them, and those that what it holds
    comes from.
    """
    found = {file}
    waiting = [_Module(file, str(scope.get("__package__") or ""), scope)] if is_own(file) else []
    while waiting:
        for module in _imported_by(waiting.pop()):
            if module.file not in found and is_own(module.file):
                found.add(module.file)
                waiting.append(module)
    digests = sorted(_file_code(where, *_stamp(where)) for where in found if Path(where).is_file())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Module:
    """A module: its file, its package, and what it holds where it is certain to have been imported."""

    file: str
    package: str
    scope: Mapping[str, Any]

    @classmethod
    def of(cls, module: ModuleType) -> _Module:
        return cls(_module_file(module), str(vars(module).get("__package__") or ""), vars(module))


def _imported_by(module: _Module) -> Iterator[_Module]:
    for used in _used(module.scope):
        yield _Module.of(used)
    always, perhaps = _imports(module.file, module.package, *_stamp(module.file))
    for name in always:
        if name in sys.modules:
            yield _Module.of(sys.modules[name])
    for name in (*always, *perhaps):
        top = sys.modules.get(name.partition(".")[0])
        if top is not None and _module_file(top) and not is_own(_module_file(top)):
            continue
        # What a call imports may not be there yet; it is looked at in the same way before and after.
        file, _ = _located(name)
        package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
        yield _Module(file, package, {})


def _used(scope: Mapping[str, Any]) -> Iterator[ModuleType]:
    """The modules that a module holds, or that what it holds comes from, each once."""
    held: dict[int, ModuleType] = {}
    names: set[str] = set()
    for value in list(scope.values()):
        if isinstance(value, ModuleType):
            held[id(value)] = value
            continue
        # What was imported by name: a function, a class, or a node made of one.
        for thing in (value, _attribute(value, "function"), cast("Any", type(value))):
            name = _attribute(thing, "__module__")
            if isinstance(name, str):
                names.add(name)
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            held[id(module)] = module
    yield from held.values()


@lru_cache(maxsize=4096)
def _imports(file: str, package: str, changed: int, size: int) -> tuple[list[str], list[str]]:
    """The modules that a file's source names: what it always imports, and what a call may import."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (SyntaxError, ValueError):
        return [], []
    always = {name for statement in tree.body for name in _named_by(statement, package)}
    every = {name for statement in ast.walk(tree) for name in _named_by(statement, package)}
    return sorted(always), sorted(every - always)


def _named_by(statement: ast.AST, package: str) -> Iterator[str]:
    """The modules that one statement may import, with the packages that they lie in."""
    names: list[str] = []
    if isinstance(statement, ast.Import):
        names = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        above = package.rsplit(".", statement.level - 1)[0] if statement.level else ""
        source = ".".join(part for part in (above, statement.module) if part)
        # What is imported from a package may be a module itself.
        names = [source, *(f"{source}.{alias.name}" for alias in statement.names)]
    for parts in (name.split(".") for name in names):
        if parts[0] not in sys.stdlib_module_names:
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _located(name: str) -> tuple[str, list[str] | None]:
    """The file of a module, imported or not, and where its own modules lie; empty where there is none."""
    module = sys.modules.get(name)
    if module is not None:
        path: Any = getattr(module, "__path__", None)
        return _module_file(module), None if path is None else list(path)
    package, _, last = name.rpartition(".")
    folders = _located(package)[1] if package else sys.path
    if folders is None:
        return "", None
    try:
        spec = PathFinder.find_spec(name, folders)
    except (ImportError, ValueError):
        return "", None
    except KeyError:  # Python finds a package without a file within imported ones alone
        return "", _below(folders, last)
    if spec is None or spec.origin is None:
        return "", None if spec is None else _below(folders, last)
    inside = spec.submodule_search_locations
    return _source_of(spec.origin), None if inside is None else list(inside)


def _below(folders: list[str], name: str) -> list[str]:
    return [str(Path(folder, name)) for folder in folders if Path(folder, name).is_dir()]


def _attribute(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:
        return None  # a module may hold objects that answer to nothing yet


def _module_file(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return _source_of(file) if isinstance(file, str) else ""


def _stamp(file: str) -> tuple[int, int]:
    status = Path(file).stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4096)
def _file_code(file: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
