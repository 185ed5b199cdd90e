"""How late runs end: a thousand random workflows with a deadline, and what they overshoot it by.

    python -m benchmarks.deadline [--workflows 1000] [--seed 0]

Workflows are random sequences, fusions, maps and loops of asynchronous and plain nodes, many of which would
take an hour. Each has a deadline of 50 ms and a grace time of 50 ms, and runs alone. A run is late by what
it takes beyond both; "of 100 ms allowed" counts those that are late by less. The first run of a process loads
the engine's modules before its time begins, so it is printed by itself, and counted as any other.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from typing import Any

from benchmarks import harness
from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, Run, each, fuse, node, repeat, workflow
from orchestrator.errors import BudgetExhausted
from orchestrator.graph.run.node_threads import abandoned_threads
from orchestrator.types import Facets, Hit

BUDGET = Budget(seconds=0.05, grace=0.05)
#: Seconds that nodes take: most are quick, some hang.
SECONDS = (0.0, 0.0, 0.002, 0.01, 0.03, 0.06, 3600.0)
ALLOWED = 0.1


@node
async def find(question: Question, *, seconds: float) -> Hits:
    """A retriever."""
    await asyncio.sleep(seconds)
    return Hits((Hit("a", 1.0),))


@node
def find_in_thread(question: Question, run: Run, *, seconds: float) -> Hits:
    """A retriever that is a plain function, and looks whether it is to stop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not run.cancelled:
        time.sleep(0.001)
    return Hits((Hit("b", 1.0),))


@node
async def refine(hits: Hits, *, seconds: float) -> Hits:
    """What can be left out."""
    await asyncio.sleep(seconds)
    return hits


@node
async def facets(question: Question) -> Facets:
    """What to map over."""
    return Facets(tuple("abcdef"))


@node
async def find_facet(question: Question, facet: str, *, seconds: float) -> Hits:
    """A retriever of an item; the items differ in what they take."""
    await asyncio.sleep(seconds * (ord(facet) - ord("a")) / 5)
    return Hits((Hit(facet, 1.0),))


@node
async def join(rankings: tuple[Hits, ...]) -> Hits:
    """Everything."""
    return Hits(tuple(hit for hits in rankings for hit in hits))


@node
async def answer(hits: Hits) -> Answer:
    """The end."""
    return Answer(str(len(hits)))


async def never(hits: Hits) -> bool:
    """Loops go on."""
    return False


def shape(rng: random.Random, depth: int) -> Any:
    """A random composition that ends in a ranking."""
    seconds = rng.choice(SECONDS)
    kind = rng.randrange(7) if depth else rng.randrange(2)
    match kind:
        case 0:
            return find(seconds=seconds)
        case 1:
            return find_in_thread(seconds=seconds)
        case 2 | 3:
            branches = [shape(rng, depth - 1) for _ in range(rng.randint(2, 4))]
            together = branches[0] | branches[1]
            for branch in branches[2:]:
                together = together | branch
            return fuse(together, by=join)
        case 4:
            mapped = each(find_facet(seconds=seconds), over=Facets, at_once=rng.randint(1, 4))
            return workflow("map", facets >> fuse(mapped, by=join))
        case 5:
            return repeat(shape(rng, depth - 1), until=never, at_most=3)
        case _:
            return shape(rng, depth - 1) >> refine(seconds=seconds)


async def overshoots(workflows: int, seed: int) -> tuple[list[float], int, int]:
    """Seconds by which each run was late; how many gave an answer, and how many of these a part of it."""
    rng = random.Random(seed)
    late: list[float] = []
    answered = in_part = 0
    for number in range(workflows):
        wf = workflow(f"random {number}", shape(rng, 3) >> answer)
        wf.check()
        began = time.perf_counter()
        try:
            result = await wf.run(Question("?", ANONYMOUS), ports={}, budget=BUDGET)
            answered += 1
            in_part += bool(result.degraded)
        except BudgetExhausted:
            pass
        assert BUDGET.seconds is not None
        late.append(time.perf_counter() - began - BUDGET.seconds - BUDGET.grace)
    return late, answered, in_part


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("--workflows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    late, answered, in_part = asyncio.run(overshoots(arguments.workflows, arguments.seed))
    allowed = sum(seconds <= ALLOWED for seconds in late)
    first_ms = max(0.0, late[0]) * 1e3
    late_ms = sorted(max(0.0, seconds) * 1e3 for seconds in late)
    print(f"{len(late)} workflows: {answered} answered, {in_part} of them in part")
    print(f"late beyond deadline and grace, ms: median {statistics.median(late_ms):.1f}, ", end="")
    print(f"99th percentile {late_ms[int(0.99 * len(late_ms))]:.1f}, most {late_ms[-1]:.1f}, ", end="")
    print(f"first run {first_ms:.1f}")
    print(f"of {ALLOWED * 1e3:.0f} ms allowed: {allowed} of {len(late)}")
    print(f"threads left hanging: {abandoned_threads()}")
    print(harness.machine())


if __name__ == "__main__":
    main()
