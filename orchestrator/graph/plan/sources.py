"""The source of code: the library's, and of the modules that a function or class is defined by."""

from __future__ import annotations

import hashlib
import inspect
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import lru_cache
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


def is_own(file: str) -> bool:
    """Whether a file is the user's: neither the library's nor that of an installed package."""
    return file.endswith(".py") and not file.startswith((*LIBRARY, *_INSTALLED)) and Path(file).is_file()


def file_of(thing: Any) -> str:
    """The file of a function, class or module; empty where there is none."""
    try:
        file = inspect.getsourcefile(thing)
    except (TypeError, OSError):
        return ""
    return str(Path(file).resolve()) if file else ""


def modules_code(scope: Mapping[str, Any], file: str) -> str:
    """The digest of a module's file and, transitively, of the user's own modules that it imports from."""
    found = {file: scope}
    waiting: list[Mapping[str, Any]] = [scope] if is_own(file) else []
    while waiting:
        for module in _used(waiting.pop()):
            where = _module_file(module)
            if where not in found and is_own(where):
                found[where] = vars(module)
                waiting.append(vars(module))
    digests = sorted(_file_code(where, *_stamp(where)) for where in found if Path(where).is_file())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _used(scope: Mapping[str, Any]) -> Iterator[ModuleType]:
    for value in list(scope.values()):
        if isinstance(value, ModuleType):
            yield value
        else:
            # What was imported by name: a function, a class, or a node made of one.
            for thing in (value, _attribute(value, "function"), cast("Any", type(value))):
                name = _attribute(thing, "__module__")
                module = sys.modules.get(name) if isinstance(name, str) else None
                if module is not None:
                    yield module


def _attribute(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:
        return None  # a module may hold objects that answer to nothing yet


def _module_file(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return str(Path(file).resolve()) if isinstance(file, str) else ""


def _stamp(file: str) -> tuple[int, int]:
    status = Path(file).stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4096)
def _file_code(file: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
