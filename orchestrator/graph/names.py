"""What nodes, channels and workflows may be called: names are shown, kept, and given to LangGraph."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.graph.problem import Problem, judged

#: What LangGraph keeps for itself. A test holds this against the installed version.
LANGGRAPH_NAMES = frozenset(
    {
        "__start__", "__end__", "__root__", "__input__", "__interrupt__", "__resume__", "__error__",
        "__error_source_node__", "__no_writes__", "__return__", "__previous__", "__snapshot_bumps__",
        "__overwrite__", "checkpoint_map", "checkpoint_id", "checkpoint_ns", "configurable",
        "langsmith:hidden",
    }
)  # fmt: skip
#: `:` and `|` part LangGraph's namespaces; `:` also parts a type from a channel's name.
SEPARATORS = ":|"
#: Steps that the engine puts around a route, a loop or a map end so.
ENGINE_ENDINGS = (".begin", ".end", ".item", ".collect")
_BRANCH = re.compile(r"fork\.\d+")


@judged
def name_problem(kind: str, name: Any, *, step: bool = False) -> Problem | None:
    """Why a thing of some kind cannot have this name; a `step` must not have one of the engine's either."""
    instead = f"give the {kind} a name of letters, digits, '_', '-', '.' and blanks"
    if not isinstance(name, str):
        return Problem(f"has the {kind} name {_shown(name)}, which is no text", instead)
    if not name.strip() or name != name.strip():
        return Problem(f"has the {kind} name {name!r}: it is empty, or has blanks around it", instead)
    if not name.isprintable():
        return Problem(f"has the {kind} name {name!r}: it holds line breaks or control characters", instead)
    found = next((mark for mark in f"{SEPARATORS}#" if mark in name), None)
    if found is not None:
        used = "numbers nodes of one name" if found == "#" else "parts the names of the engine"
        return Problem(f"has the {kind} name {name!r}, and {found!r} {used}", instead)
    if name in LANGGRAPH_NAMES or name.startswith("__pregel_"):
        return Problem(f"has the {kind} name {name!r}, which LangGraph keeps for itself", instead)
    if step and (name.endswith(ENGINE_ENDINGS) or ".." in name or _BRANCH.fullmatch(name)):
        return Problem(
            f"has the {kind} name {name!r}, and the engine names steps of its own so",
            f"name it otherwise: {name.replace('..', '.').replace('.', '_')!r}",
        )
    return None


def a_kind_of(name: str) -> str:
    """`an int`, `a list`."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def written(value: object) -> str:
    """How Python writes a value; of one that cannot be written, what kind it is of."""
    try:
        return repr(value)
    except Exception:
        return a_kind_of(type(value).__name__)


def _shown(value: Any) -> str:
    name = getattr(value, "__name__", None) if isinstance(value, type) else None
    return name or written(value)[:60]
