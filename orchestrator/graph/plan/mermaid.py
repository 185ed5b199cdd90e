"""A workflow as Mermaid text: nodes, what flows between them, choices and loops."""

from __future__ import annotations

import re

from orchestrator.graph.plan.plan import Branch, Call, Fork, Line, Loop, Map, Op, Plan

#: An end of a drawn operation: where the next edge starts, and what is written on it.
End = tuple[str, str]


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart; edges carry the channels written by the node that they leave."""
    drawing = _Drawing()
    label = ", ".join(str(slot.channel) for slot in plan.inputs)
    ends = drawing.op(plan.body, [("start", label)])
    for end in ends:
        drawing.edge(end, "stop")
    lines = ["flowchart TD", '    start(["start"])', *drawing.lines, '    stop(["end"])', *drawing.edges]
    return "\n".join(lines) + "\n"


class _Drawing:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.edges: list[str] = []

    def node(self, path: str, shape: str = '["{}"]') -> str:
        name = re.sub(r"\W", "_", path)
        self.lines.append(f"    {name}{shape.format(path)}")
        return name

    def edge(self, end: End, to: str) -> None:
        source, label = end
        arrow = f'-- "{label}" -->' if label else "-->"
        self.edges.append(f"    {source} {arrow} {to}")

    def op(self, op: Op, ends: list[End]) -> list[End]:
        match op:
            case Call():
                return self.call(op, ends)
            case Line():
                for part in op.ops:
                    ends = self.op(part, ends)
                return ends
            case Fork():
                joined = [end for branch in op.branches for end in self.op(branch, ends)]
                return self.call(op.join, joined) if op.join else joined
            case Branch():
                chooser = self.node(op.by.path, '{{"{}"}}')
                for end in ends:
                    self.edge(end, chooser)
                return [
                    end for label, choice, _ in op.choices for end in self.op(choice, [(chooser, str(label))])
                ]
            case Loop():
                first = len(self.lines)
                body = self.op(op.body, ends)
                check = self.node(op.until.path, '{{"{}"}}')
                for end in body:
                    self.edge(end, check)
                if first < len(self.lines) - 1:
                    start = self.lines[first].strip().split("[")[0].split("{")[0]
                    self.edge((check, f"again, at most {op.at_most}"), start)
                return [(check, "done")]
            case Map():
                name = self.node(op.path, '[["{}"]]')
                for end in ends:
                    self.edge(end, name)
                inner = self.op(op.body, [(name, f"each {op.item.channel}")])
                collected = self.node(f"{op.path}.collect", '[["{}"]]')
                for end in inner:
                    self.edge(end, collected)
                return [(collected, str(op.yields.channel))]

    def call(self, call: Call, ends: list[End]) -> list[End]:
        name = self.node(call.path)
        for end in ends:
            self.edge(end, name)
        return [(name, ", ".join(str(slot.channel) for slot in call.writes))]
