"""Engine overhead a node, beside bare LangGraph, LlamaIndex workflows and Haystack, in one run.

    python -m benchmarks.engine [--rounds 12] [--json FILE] [--record]

Every system runs a straight line of 1, 10 and 50 nodes that do nothing, with a ranking of 0 or 200
passages in flight. Each figure is the median over all rounds of one run's wall time, in µs a node.
What ours takes above bare LangGraph is compared round by round, with the quartiles of the rounds.
Maps over up to 10,000 items that do nothing are timed too. Peers that are not installed are left out,
and the table says so (`pip install haystack-ai`).
"""

import asyncio
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypedDict

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")

from benchmarks import harness
from orchestrator import ANONYMOUS, Question, each, node, workflow
from orchestrator.types import Hit, Hits

MEASURED = ("langgraph", "llama-index-workflows", "haystack-ai", "pydantic")
LENGTHS = (1, 10, 50)
PASSAGES = (0, 200)
#: Runs of one system before it is the next one's turn.
REPEATS = 5
TEXT = "x" * 1000
Runner = Callable[[], Awaitable[Any]]


RANKINGS = {
    passages: Hits(tuple(Hit(f"{number:036d}", 1.0) for number in range(passages))) for passages in PASSAGES
}


@node
async def begin(question: Question, *, passages: int = 0) -> Hits:
    """A ranking of so many passages."""
    return RANKINGS[passages]


@node
async def pass_on(hits: Hits) -> Hits:
    """Nothing, but typed."""
    return hits


def ours(length: int, passages: int, *, lines: bool) -> Runner:
    """A workflow of this library; one step a line, or one LangGraph node a node."""
    composed: Any = begin(passages=passages)
    for _ in range(length - 1):
        composed = composed >> pass_on
    wf = workflow("line", composed)
    question = Question("what?", ANONYMOUS)
    if lines:
        return lambda: wf.run(question, ports={})
    graph = wf.langgraph
    return lambda: graph.ainvoke({"Question": question})


class _State(TypedDict, total=False):
    question: Any
    passages: Any


def langgraph(length: int, passages: int) -> Runner:
    """The same line in LangGraph itself, with the same value in the state."""
    from langgraph.graph import END, START, StateGraph

    ranking = RANKINGS[passages]

    async def step(state: _State) -> dict[str, Any]:
        return {"passages": state.get("passages", ranking)}

    graph: Any = StateGraph(_State)
    before = START
    for number in range(length):
        graph.add_node(f"n{number}", step)
        graph.add_edge(before, f"n{number}")
        before = f"n{number}"
    graph.add_edge(before, END)
    compiled = graph.compile()
    return lambda: compiled.ainvoke({"question": "what?"}, {"recursion_limit": 1000})


def llama_workflow(length: int, passages: int) -> Runner:
    """The same line in LlamaIndex workflows: one event type and one step a node."""
    from llama_index.core.workflow import Event, StartEvent, StopEvent, Workflow, step

    payload = [TEXT] * passages
    events: list[Any] = [StartEvent]
    for number in range(length - 1):
        events.append(type(f"E{number}", (Event,), {"__annotations__": {"passages": list}}))
    events.append(StopEvent)

    def make(number: int) -> Any:
        taken, given = events[number], events[number + 1]

        async def run(self: Any, ev: Any) -> Any:
            if given is StopEvent:
                return StopEvent(result=payload)
            return given(passages=payload)

        run.__name__, run.__qualname__ = f"s{number}", f"Line.s{number}"
        run.__annotations__ = {"ev": taken, "return": given}
        return step(run)

    line = type("Line", (Workflow,), {f"s{number}": make(number) for number in range(length)})
    flow = line(timeout=60)

    async def once() -> Any:
        return await flow.run()

    return once


def haystack(length: int, passages: int) -> Runner:
    """The same line in a Haystack pipeline, run asynchronously, with documents in flight."""
    from haystack import Document, Pipeline, component

    documents = [Document(id=str(number), content=TEXT) for number in range(passages)]

    @component
    class Pass:
        @component.output_types(documents=list[Document])
        def run(self, documents: list[Document]) -> dict[str, list[Document]]:
            return {"documents": documents}

        @component.output_types(documents=list[Document])
        async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
            return {"documents": documents}

    pipeline: Any = Pipeline()
    for number in range(length):
        pipeline.add_component(f"n{number}", Pass())
        if number:
            pipeline.connect(f"n{number - 1}.documents", f"n{number}.documents")
    return lambda: pipeline.run_async({"n0": {"documents": documents}})


SYSTEMS: dict[str, Callable[[int, int], Runner]] = {
    "orchestrator": lambda length, passages: ours(length, passages, lines=True),
    "orchestrator, a LangGraph node a node": lambda length, passages: ours(length, passages, lines=False),
    "LangGraph": langgraph,
    "LlamaIndex workflows": llama_workflow,
    "Haystack": haystack,
}


Figures = dict[str, dict[str, float]]


async def measure(rounds: int) -> tuple[Figures, dict[str, dict[str, list[float]]]]:
    """µs a node: system → "length × passages" → median, and above LangGraph: quartiles of the rounds.

    Systems take turns, so that drift is shared.
    """
    figures: Figures = {}
    above: dict[str, dict[str, list[float]]] = {}
    for length in LENGTHS:
        for passages in PASSAGES:
            ready: dict[str, Runner] = {}
            for name, make in SYSTEMS.items():
                try:
                    ready[name] = make(length, passages)
                    await ready[name]()
                except ImportError:
                    continue
            times: dict[str, list[float]] = {name: [] for name in ready}
            for _ in range(rounds):
                for name, once in ready.items():
                    # What one system leaves to be collected must not be another's time.
                    gc.collect()
                    for _ in range(REPEATS):
                        begun = time.perf_counter()
                        await once()
                        times[name].append(time.perf_counter() - begun)
            cell = f"{length} × {passages}"
            for name, seconds in times.items():
                figures.setdefault(name, {})[cell] = statistics.median(seconds) / length * 1e6
                if name.startswith("orchestrator"):
                    pairs = zip(by_round(seconds), by_round(times["LangGraph"]), strict=True)
                    more = [(ours - theirs) / length * 1e6 for ours, theirs in pairs]
                    above.setdefault(name, {})[cell] = statistics.quantiles(more, n=4)
    return figures, above


def by_round(seconds: list[float]) -> list[float]:
    """The median of each round."""
    return [statistics.median(seconds[at : at + REPEATS]) for at in range(0, len(seconds), REPEATS)]


def check_times() -> dict[int, float]:
    """ms to check a workflow of so many nodes, each seen for the first time by this check."""
    found: dict[int, float] = {}
    for length in (10, 50, 200):
        times: list[float] = []
        for _ in range(20):
            composed: Any = begin(passages=1)
            for _ in range(length - 1):
                composed = composed >> pass_on
            begun = time.perf_counter()
            workflow("line", composed).check()
            times.append(time.perf_counter() - begun)
        found[length] = statistics.median(times) * 1e3
    return found


@node
async def numbered(question: Question, *, items: int) -> tuple[Hit, ...]:
    """So many items."""
    return tuple(Hit(str(number), 1.0) for number in range(items))


@node
async def item(hit: Hit) -> Hits:
    """Nothing, for an item."""
    return Hits((hit,))


@node
async def collected(rankings: tuple[Hits, ...]) -> Hits:
    """All of them."""
    return Hits(tuple(hit for hits in rankings for hit in hits))


async def each_times() -> dict[str, dict[int, float]]:
    """ms of a map over so many items that do nothing, by what is kept of the run: what the map costs."""
    from connectors.sql import SqlRuns, open_database
    from orchestrator.ports import Runs

    found: dict[str, dict[int, float]] = {"nothing kept": {}, "every step kept": {}}
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "state.db")
        runs = SqlRuns(database)
        for items in (1000, 4000, 10_000):
            wf = workflow("map", numbered(items=items) >> each(item, over=tuple[Hit, ...]) >> collected)
            ways: dict[str, dict[str, Any]] = {
                "nothing kept": {"ports": {}},
                "every step kept": {"ports": {Runs: runs}, "durability": "step"},
            }
            for name, how in ways.items():
                times: list[float] = []
                for _ in range(4):
                    begun = time.perf_counter()
                    await wf.run(Question("what?", ANONYMOUS), **how)
                    times.append(time.perf_counter() - begun)
                # The first compiles the graph.
                found[name][items] = statistics.median(times[1:]) * 1e3
        await runs.close()
        database.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, record=True)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures, above = asyncio.run(measure(arguments.rounds))
    checks = check_times()
    maps = asyncio.run(each_times())
    columns = [f"{length} × {passages}" for length in LENGTHS for passages in PASSAGES]
    print("µs a node (nodes × passages in flight)\n")
    rows = [[name, *(f"{row[column]:,.0f}" for column in columns)] for name, row in figures.items()]
    table = harness.table(["system", *columns], rows)
    print(table)
    print("\nabove bare LangGraph, median of the rounds (quartiles)\n")
    quartiles = [
        [name, *(f"{middle:+,.0f} ({low:+,.0f} to {high:+,.0f})" for low, middle, high in row.values())]
        for name, row in above.items()
    ]
    print(harness.table(["", *columns], quartiles))
    print("\ncheck, ms: " + ", ".join(f"{length} nodes {ms:.2f}" for length, ms in checks.items()))
    for name, times in maps.items():
        print(f"each, {name}, ms: " + ", ".join(f"{items} items {ms:,.0f}" for items, ms in times.items()))
    print(harness.machine(*MEASURED))
    if arguments.record:
        harness.record("engine", table)
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    "us_per_node": figures,
                    "above": above,
                    "check_ms": checks,
                    "each_ms": maps,
                    "versions": harness.versions(*MEASURED),
                },
                indent=2,
            )
        )


if __name__ == "__main__":
    main()
