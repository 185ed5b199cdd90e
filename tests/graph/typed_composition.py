"""What a user writes, as the type checker sees it. Checked by pyright in strict mode, never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Literal, assert_type

from orchestrator import ANONYMOUS, Answer, Hits, Node, Question, Run, fuse, node, repeat, route, workflow
from orchestrator.graph.algebra import Fuse
from orchestrator.graph.expression import Parallel, Sequence, Step
from orchestrator.graph.node import FunctionNode
from orchestrator.graph.run.result import RunResult
from orchestrator.graph.workflow import Workflow


@node
async def find(question: Question, *, k: int = 3) -> Hits:
    return Hits().top(k)


@node
async def join(rankings: tuple[Hits, ...]) -> Hits:
    return rankings[0]


class Say(Node):
    times: int = 1
    mark: Literal["!", "?"] = "!"

    async def __call__(self, question: Question, hits: Hits, run: Run) -> Answer:
        run.emit(question.text)
        return Answer(question.text + self.mark * self.times)


async def kind(question: Question) -> Literal["a", "b"]:
    return "a"


async def done(hits: Hits) -> bool:
    return True


assert_type(find, FunctionNode)
assert_type(find(5), FunctionNode)
assert_type(find >> Say(), Sequence)
assert_type(find | find, Parallel)
assert_type(fuse(find | find, by=join), Fuse)
assert_type(find.writing("first"), Step)
assert_type(Say(times=2, mark="?").within(timeout=1.0), Step)
both = route({"a": find, "b": None}, by=kind) >> repeat(find, until=done, at_most=2)
assert_type(workflow("w", both >> Say()), Workflow)

Say(times="two")  # pyright: ignore[reportArgumentType]
Say(mark=".")  # pyright: ignore[reportArgumentType]
Say(volume=1)  # pyright: ignore[reportCallIssue]


async def run() -> None:
    wf = workflow("w", find >> Say())
    result = await wf.run(Question("q", ANONYMOUS), ports={})
    assert_type(result, RunResult)
    assert_type(result.answer, Answer | None)
    assert_type(result.get(Hits), Hits | None)
