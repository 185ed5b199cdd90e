"""The source, read with griffe: no module is imported, so that no optional library is needed."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]


@cache
def package(name: str) -> griffe.Module:
    """A top-level package with all of its modules."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    found = loader.load(name, try_relative_path=False)
    loader.resolve_aliases()
    assert isinstance(found, griffe.Module)
    return found


def symbol(path: str) -> griffe.Object:
    """The class, function, attribute or module that a dotted path names; KeyError if there is none."""
    top, _, rest = path.partition(".")
    found = package(top)[rest] if rest else package(top)
    return final(found)


def final(found: griffe.Object | griffe.Alias) -> griffe.Object:
    """The definition behind a name that may be imported from elsewhere."""
    return found.final_target if isinstance(found, griffe.Alias) else found


def module_file(module: griffe.Object) -> Path:
    """The file that a module was read from."""
    assert isinstance(module.filepath, Path)
    return module.filepath


def listed(name: str) -> list[str]:
    """The public names of a package: those of its stub, or else of its `__all__`."""
    init = module_file(symbol(name))
    stub = init.with_suffix(".pyi")
    if stub.exists():
        return re.findall(r"^from \S+ import (\w+) as \1$", stub.read_text(encoding="utf-8"), re.MULTILINE)
    found = symbol(name)
    assert isinstance(found, griffe.Module)
    return [str(each) for each in found.exports or ()]


def home(package_name: str, name: str) -> griffe.Object:
    """The definition of a public name of a package."""
    stub = module_file(symbol(package_name)).with_suffix(".pyi")
    if stub.exists():
        text = stub.read_text(encoding="utf-8")
        if found := re.search(rf"^from (\S+) import {name} as {name}$", text, re.MULTILINE):
            return symbol(f"{found[1]}.{name}")
    return symbol(f"{package_name}.{name}")


def defined(module: str) -> list[griffe.Object]:
    """What a module defines itself, is public, and has a description; in the order of the file."""
    found = symbol(module)
    return [
        each
        for name, each in found.members.items()
        if not name.startswith("_")
        and isinstance(each, griffe.Class | griffe.Function | griffe.Attribute)
        and description(each)
    ]


def modules(name: str) -> list[str]:
    """The public modules of a package, those of its subpackages too, by name."""
    found = symbol(name)
    inner = [
        each for each in found.members.values() if isinstance(each, griffe.Module) and each.name[0] != "_"
    ]
    return [name, *(path for each in sorted(inner, key=lambda one: one.name) for path in modules(each.path))]


def description(found: griffe.Object) -> str:
    """The docstring, or the `#:` comment above an attribute."""
    if found.docstring:
        return found.docstring.value.strip()
    if isinstance(found, griffe.Attribute) and found.lineno:
        lines = module_file(found).read_text(encoding="utf-8").splitlines()[: found.lineno - 1]
        said: list[str] = []
        while lines and lines[-1].lstrip().startswith("#:"):
            said.insert(0, lines.pop().lstrip().removeprefix("#:").strip())
        return " ".join(said)
    return ""
