"""Any graph that passes its check, compiled or walked, runs as a plain interpreter of the expression says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, SKIP, Question, each, fuse, node, repeat, route, workflow
from orchestrator.graph import algebra, expression
from orchestrator.graph.channel import Channel
from orchestrator.graph.plan.resolve import as_step, ends_in, item_type, several, step_writes
from orchestrator.graph.run.state import RunState, current_run


@dataclass(frozen=True)
class A:
    text: str


@dataclass(frozen=True)
class B:
    text: str


@dataclass(frozen=True)
class Letters:
    letters: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        return iter(self.letters)


@node
async def make_a(question: Question, *, tag: str) -> A:
    return A(f"a{tag}")


@node
async def make_b(question: Question, *, tag: str) -> B:
    return B(f"b{tag}")


@node
async def a_to_b(a: A, *, tag: str) -> B:
    return B(f"({a.text})b{tag}")


@node
async def grow_a(a: A, *, tag: str) -> A:
    return A(f"({a.text}){tag}")


@node
async def both(a: A, b: B, *, tag: str) -> A:
    return A(f"({a.text}+{b.text}){tag}")


@node
async def maybe(b: B | None, *, tag: str) -> A:
    return A(f"[{b.text if b else '-'}]{tag}")


@node
async def two(question: Question, a: A | None, *, tag: str) -> tuple[A, B]:
    return A(f"<{a.text if a else '-'}>{tag}"), B(tag)


@node
async def letters(question: Question, *, tag: str) -> Letters:
    return Letters((tag, tag + tag))


@node
async def of_letter(letter: str, b: B | None, *, tag: str) -> A:
    return A(f"{letter}{b.text if b else ''}{tag}")


@node
async def join(parts: tuple[A, ...], *, tag: str) -> A:
    return A("{" + "|".join(part.text for part in parts) + "}" + tag)


async def by_text(a: A | None, b: B | None) -> Literal["even", "odd"]:
    return "even" if len((a.text if a else "") + (b.text if b else "")) % 2 == 0 else "odd"


async def long(a: A | None) -> bool:
    return a is not None and len(a.text) > 12


TAGS = st.sampled_from("xyz")
LEAVES = st.builds(
    lambda make, tag, name: make(tag=tag) if name is None else make(tag=tag).writing(name),
    st.sampled_from([make_a, make_b, a_to_b, grow_a, both, maybe, letters]),
    TAGS,
    st.sampled_from([None, None, None, "n"]),
) | st.builds(lambda tag: two(tag=tag), TAGS)


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Bigger expressions of smaller ones."""
    return st.one_of(
        st.builds(lambda a, b: a >> b, inner, inner),
        st.builds(lambda a, b, c: a >> b >> c, inner, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a, b, tag: fuse(a | b, by=join(tag=tag)), inner, inner, TAGS),
        st.builds(lambda a, b: route({"even": a, "odd": b}, by=by_text), inner, inner | st.just(SKIP)),
        st.builds(lambda a, most: repeat(a, until=long, at_most=most), inner, st.integers(1, 4)),
        st.builds(
            lambda a, tag, kept: (
                letters(tag=tag)
                >> fuse(
                    each(of_letter(tag=tag) >> kept if kept else a >> of_letter(tag=tag), over=Letters),
                    by=join(tag=tag),
                )
            ),
            inner,
            TAGS,
            inner | st.none(),
        ),
        st.builds(lambda a, tag: workflow(f"inner{tag}", a), inner, TAGS),
    )


EXPRESSIONS = st.recursive(LEAVES, composed, max_leaves=12)
EVERYTHING = (A, B, Letters)


async def interpreted(expr: Any, env: dict[Channel, Any]) -> dict[Channel, Any]:
    """What an expression makes of an environment. The definition that the engine is held to."""
    match expr:
        case expression.Sequence():
            for part in expr.parts:
                env = await interpreted(part, env)
            return env
        case expression.Parallel():
            ends = [await interpreted(branch, dict(env)) for branch in expr.branches]
            return merged(env, ends)
        case algebra.Fuse():
            element = Channel(A)
            if isinstance(expr.parallel, algebra.Each):
                return await interpreted(expr.by, await interpreted(expr.parallel, env))
            ends = [await interpreted(branch, dict(env)) for branch in expr.parallel.branches]
            parts = tuple(end[element] for end in ends)
            env = merged(env, ends, but=element)
            return {**env, element: await called(expr.by, {**env, several(element): parts})}
        case algebra.Each():
            results = []
            end = ends_in(expr.body)
            for item in env[Channel(expr.over)]:
                inner = await interpreted(expr.body, {**env, Channel(item_type(expr.over)): item})
                results.append(inner[end])
            return {**env, several(end): tuple(results)}
        case algebra.Route():
            label = await called(expr.by, env)
            return await interpreted(dict(expr.choices)[label], env)
        case algebra.Repeat():
            for _ in range(expr.at_most):
                env = await interpreted(expr.body, env)
                if await called(expr.until, env):
                    break
            return env
        case _ if hasattr(expr, "body"):
            own = {Channel(tp): env[Channel(tp)] for tp in expr.inputs}
            inner = await interpreted(expr.body, own)
            return {
                **env,
                **{channel: inner[channel] for channel in expr.output_channels if channel in inner},
            }
        case _:
            step = as_step(expr)
            value = await called(expr, env)
            channels = step_writes(step, step.node.signature)
            values = value if len(channels) > 1 else (value,)
            return {**env, **dict(zip(channels, values, strict=True))}


async def called(expr: Any, env: dict[Channel, Any]) -> Any:
    """One node on an environment."""
    step = as_step(expr)
    arguments = {}
    for read in step.node.signature.reads:
        channel = read.channel
        arguments[read.parameter] = env.get(channel) if read.optional else env[channel]
    return await step.node.function(**arguments, **dict(step.node.settings))


def merged(env: dict, ends: list[dict], but: Channel | None = None) -> dict:
    """The environment after branches: what each of them changed."""
    result = dict(env)
    for end in ends:
        result |= {
            channel: value
            for channel, value in end.items()
            if channel != but and value is not env.get(channel)
        }
    return result


@pytest.mark.parametrize(
    "examples", [pytest.param(60, id="some"), pytest.param(2000, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_a_checked_graph_means_what_its_expression_says(examples: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    settings(max_examples=examples, deadline=None, suppress_health_check=quiet)(given(EXPRESSIONS)(compare))()


def compare(expr: Any) -> None:
    """Run a graph in each way, and hold every value to the interpreter's."""
    wf = workflow("w", expr)
    faults = [fault for fault in wf.faults() if "dead end" not in fault.problem]
    if faults:
        return
    question = Question("q", ANONYMOUS)
    expected = asyncio.run(interpreted(expr, {Channel(Question): question}))

    async def run() -> tuple[dict, dict, dict]:
        # Compiled without the check: a value without a reader is no reason not to compare it.
        stepwise = await wf.compiled(lines=False).ainvoke({"Question": question})
        lines = await wf.compiled(lines=True).ainvoke({"Question": question})
        current_run.set(RunState("walked", {}, ANONYMOUS))
        walked = await wf.direct_runner.ainvoke({"Question": question})
        return stepwise, lines, walked

    for state in asyncio.run(run()):
        found = {slot.channel: state[slot.key] for slot in wf.plan.final if slot.key in state}
        for slot in wf.plan.final:
            if slot.sure or slot.channel in expected:
                assert found.get(slot.channel) == expected.get(slot.channel), slot
