"""A class, function or constant as a section of Markdown."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import griffe

from tools.reference.source import ROOT, description, final, module_file, symbol

STARS = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
LIMITS = (("ge=", "≥"), ("gt=", ">"), ("le=", "≤"), ("lt=", "<"))
REFERENCE = ROOT / "reference"


def section(found: griffe.Object, importable: str = "") -> str:
    """A symbol under its name: how to import it, signature, description, members."""
    where = importable or found.parent.path if found.parent else ""
    place = os.path.relpath(module_file(found), REFERENCE)
    lines = [
        f"### `{found.name}`",
        f"`from {where} import {found.name}` · [source]({Path(place).as_posix()})",
    ]
    if isinstance(found, griffe.Class):
        lines += _of_class(found)
    elif isinstance(found, griffe.Function):
        lines += [_code(signature(found)), prose(description(found))]
    else:
        assert isinstance(found, griffe.Attribute)
        lines += [_code(f"{found.name} = {found.value}"), prose(description(found))]
    return "\n\n".join(line for line in lines if line)


def prose(docstring: str) -> str:
    """A docstring as Markdown: its headings made bold, and code of its own kept as text."""
    text = re.sub(r"^(#+) (.*)$", r"**\2**", docstring, flags=re.MULTILINE)
    # Examples of docstrings are for reading: what is executed stands on the pages of docs/.
    return re.sub(r"^```\w+$", "```text", text, flags=re.MULTILINE)


def signature(function: griffe.Function) -> str:
    """`name(a: int, *, b: str = "") -> Hits`, without `self`; on several lines where one is too long."""
    begin = "async def " if "async" in function.labels else "def "
    given = _parameters(function)
    gives = f" -> {function.returns}" if function.returns is not None else ""
    line = f"{begin}{function.name}({', '.join(given)}){gives}"
    if len(line) <= 100:
        return line
    several = ",\n    ".join(given)
    return f"{begin}{function.name}(\n    {several},\n){gives}"


def _parameters(function: griffe.Function) -> list[str]:
    shown: list[str] = []
    keyword_only = False
    for each in function.parameters:
        if each.name in ("self", "cls"):
            continue
        kind = each.kind
        if kind is griffe.ParameterKind.keyword_only and not keyword_only:
            keyword_only = True
            if not any(one.startswith("*") for one in shown):
                shown.append("*")
        stars = STARS.get(kind, "") if kind else ""
        typed = f": {each.annotation}" if each.annotation is not None else ""
        default = f" = {each.default}" if each.default is not None and not stars else ""
        shown.append(f"{stars}{each.name}{typed}{default}")
    return shown


def _of_class(found: griffe.Class) -> list[str]:
    lines = [prose(description(found))]
    if call := _node_call(found):
        lines += [_flow(call), _fields(found)]
    elif "dataclass" in found.labels or _derives(found, "BaseModel", "BaseSettings", "_Table"):
        lines.append(_fields(found))
    elif isinstance(made := found.members.get("__init__"), griffe.Function):
        lines.append(_code(signature(made).replace("def __init__", found.name).replace(" -> None", "")))
    methods = [each for name, each in _members(found).items() if not name.startswith("_")]
    told = [line for each in methods if (line := _member(final(each)))]
    return [*lines, "\n".join(told)]


def _members(found: griffe.Class) -> dict[str, griffe.Object | griffe.Alias]:
    """Those of the class, and of a private base of its module, which has no section of its own."""
    bases = (found.module.members.get(str(base)) for base in found.bases if str(base).startswith("_"))
    inherited = [_members(base) for base in bases if isinstance(base, griffe.Class)]
    return {name: each for members in [*inherited, found.members] for name, each in members.items()}


def _derives(found: griffe.Class, *names: str) -> bool:
    return any(str(base).rpartition(".")[2] in names for base in found.bases)


def _node_call(found: griffe.Class) -> griffe.Function | None:
    call = found.members.get("__call__")
    return call if isinstance(call, griffe.Function) and _is_node(found) else None


def _is_node(found: griffe.Class) -> bool:
    bases = [str(base) for base in found.bases]
    if any(base.endswith("Node") for base in bases):
        return True
    known = [_resolved(found, base) for base in bases]
    return any(isinstance(base, griffe.Class) and _is_node(base) for base in known)


def _resolved(found: griffe.Object, name: str) -> griffe.Object | None:
    """What a name of the symbol's module stands for, where that is in this repository."""
    try:
        path = found.module.resolve(name)
        return symbol(path) if path.startswith(("orchestrator.", "connectors.")) else None
    except (KeyError, griffe.NameResolutionError, griffe.AliasResolutionError):
        return None


def _flow(call: griffe.Function) -> str:
    """What a node reads, is given and writes, by the annotations of its call."""
    reads: list[str] = []
    ports: list[str] = []
    for each in call.parameters:
        if each.name == "self" or each.annotation is None:
            continue
        kind = ports if _is_port(call, str(each.annotation)) else reads
        kind.append(f"`{each.annotation}`")
    writes = f"`{call.returns}`"
    said = [f"Reads {', '.join(reads) or 'nothing'}.", f"Writes {writes}."]
    if ports:
        said.insert(1, f"Ports: {', '.join(ports)}.")
    return " ".join(said)


def _is_port(call: griffe.Function, annotation: str) -> bool:
    name = annotation.removesuffix(" | None")
    if name == "Run":
        return True
    try:
        path = call.module.resolve(name)
    except griffe.NameResolutionError:
        return False
    return path.startswith("orchestrator.ports")


def _fields(found: griffe.Class) -> str:
    rows = [
        f"| `{name}` | {cell(type_of(found, each))} | {cell(default(each))} |"
        for name, each in found.members.items()
        if isinstance(each, griffe.Attribute) and name[0] != "_" and is_field(each)
    ]
    if not rows:
        return ""
    return "\n".join(["| field | type | default |", "| --- | --- | --- |", *rows])


def is_field(each: griffe.Attribute) -> bool:
    annotated = each.annotation is not None and "ClassVar" not in str(each.annotation)
    return annotated and "property" not in each.labels and each.name != "model_config"


def type_of(found: griffe.Class, each: griffe.Attribute) -> str:
    """The type, with an alias of one module or another (`Count`) replaced by what it stands for."""
    written = str(each.annotation)
    if not re.fullmatch(r"[A-Z]\w*", written):
        return _readable(written)
    target = _resolved(found, written)
    return _readable(str(target.value)) if isinstance(target, griffe.Attribute) and target.value else written


def _readable(annotation: str) -> str:
    """`Annotated[int, Field(ge=1)]` as `int ≥ 1`; what only pydantic needs is left out."""
    if not (found := re.fullmatch(r"Annotated\[(.*), (?:Field\((.*)\)|NoDecode)\]", annotation)):
        return annotation
    limits = [each.strip() for each in (found[2] or "").split(",")]
    shown = [
        f"{sign} {each.partition('=')[2]}" for each in limits for key, sign in LIMITS if each.startswith(key)
    ]
    return " ".join([found[1], ", ".join(shown)]).strip()


def default(each: griffe.Attribute) -> str:
    if each.value is None:
        return "required"
    written = str(each.value)
    for call in ("Field(", "field("):
        if written.startswith(call):
            return _field_default(written)
    return written


def _field_default(written: str) -> str:
    call = ast.parse(written, mode="eval").body
    assert isinstance(call, ast.Call)
    for keyword in call.keywords:
        if keyword.arg == "default":
            return ast.unparse(keyword.value)
        if keyword.arg == "default_factory":
            made = ast.unparse(keyword.value)
            return "{}" if made.startswith("dict") else f"{made}()"
    return "required"


def cell(text: str) -> str:
    return "required" if text == "required" else f"`{text}`".replace("|", "\\|").replace("\n", " ")


def _member(each: griffe.Object) -> str:
    """A public method or property in one line of a list, or nothing where it says nothing."""
    if not (said := description(each)):
        return ""
    first = " ".join(said.split("\n\n")[0].split())
    if isinstance(each, griffe.Function):
        shown = " ".join(signature(each).replace("(\n    ", "(").replace(",\n)", ")").split())
        return f"- `{shown}`: {first}"
    if isinstance(each, griffe.Attribute):
        typed = f": {each.annotation}" if each.annotation is not None else ""
        return f"- `{each.name}{typed}`: {first}"
    return ""


def _code(text: str) -> str:
    return f"```text\n{text}\n```"
