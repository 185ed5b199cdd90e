"""Public names of a package that are imported when first used, listed once, in the `.pyi` stub beside it.

Type checkers and editors read the stub. At run time it is read when the first name is asked for, so that
importing the package costs nothing. `lazy_loader` does the same, but reads the stub at import, and takes
longer to be imported itself than the whole package.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


def load(package: str, name: str) -> Any:
    """What `name` stands for in `package`; `__all__` is every name of its stub. Raises AttributeError."""
    if name == "__all__":
        return [*homes(package)]
    home = homes(package).get(name)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    setattr(sys.modules[package], name, value)
    return value


@cache
def homes(package: str) -> dict[str, str]:
    """The module that defines each public name: the lines `from module import name as name` of the stub."""
    import ast
    from pathlib import Path

    stub = Path(str(sys.modules[package].__file__)).with_suffix(".pyi")
    return {
        alias.name: statement.module
        for statement in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }
