"""Tools as records of an index: what a tool does, and requests that it has served.

A tool is a record of its own, under its id, and so is each usage; `kind` and `tool` tell which is
which, as metadata that searches filter by. They are added like any other file, so that access,
replacement and removal work as for documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput

#: Metadata fields of the records, and the values of `kind`.
KIND, TOOL = "kind", "tool"
DESCRIPTION, USAGE = "tool description", "tool usage"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its id, its name, and what it does."""

    id: str
    name: str
    description: str


def write_tools(
    path: str | Path, tools: Iterable[Tool], usages: Mapping[str, Sequence[str]] | None = None
) -> int:
    """Write a .jsonl to be indexed: the tools, and `usages`, the requests that a tool has served, by its id.

    Gives the number of records. BadInput for a usage of a tool that is not there, or two of one id.
    """
    examples = usages or {}
    lines: list[str] = []
    known: set[str] = set()
    for tool in tools:
        if tool.id in known:
            raise BadInput(f"Two tools have the id {tool.id!r}.", hint="Make ids unique.")
        known.add(tool.id)
        what = {"_id": tool.id, "title": tool.name, "text": tool.description or tool.name}
        lines.append(json.dumps({**what, KIND: DESCRIPTION, TOOL: tool.id}))
    unknown = sorted(set(examples) - known)
    if unknown:
        raise BadInput(
            f"There are usages of {len(unknown)} tools that do not exist, such as {unknown[0]!r}.",
            hint="Give every tool, or leave these usages out.",
        )
    for tool_id, texts in sorted(examples.items()):
        for number, text in enumerate(texts, 1):
            if text.strip():
                usage = {"_id": f"{tool_id} · usage {number}", "title": "", "text": text}
                lines.append(json.dumps({**usage, KIND: USAGE, TOOL: tool_id}))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
