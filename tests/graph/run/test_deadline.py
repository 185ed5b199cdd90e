"""One deadline for a whole run: whatever its shape, it ends by then and says what it left out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, Run, each, fuse, node, repeat, workflow
from orchestrator.errors import BudgetExhausted
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Runs
from orchestrator.types import Facets, Hit
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)
#: What a busy machine may add to a run that was to end at its deadline: far below what a run would take.
LATE = 3.0


@pytest.fixture(params=["none", "step"])
async def kept(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncGenerator[Any]:
    """How to run: with nothing kept, and with every step kept."""
    if request.param == "none":
        yield {"ports": {}}
        return
    database = open_database(f"sqlite:///{tmp_path / 'state.db'}")
    runs = SqlRuns(database)
    how: Any = {"ports": {Runs: runs}, "durability": "step"}
    # What is imported when it is first used is no part of a run's time.
    await workflow("first", f.find >> f.answer).run(QUESTION, **how)
    yield how
    await runs.close()
    database.close()


@dataclass(frozen=True)
class Number:
    """What flows."""

    value: int


@dataclass(frozen=True)
class Other:
    """The same under another name."""

    value: int


def chain(length: int, seconds: float) -> Workflow:
    """Nodes that have nothing to give until they end: none writes what it reads."""

    @node
    async def begin(question: Question) -> Number:
        await asyncio.sleep(seconds)
        return Number(1)

    @node
    async def there(number: Number) -> Other:
        await asyncio.sleep(seconds)
        return Other(number.value + 1)

    @node
    async def back(number: Other) -> Number:
        await asyncio.sleep(seconds)
        return Number(number.value + 1)

    @node
    async def tell(number: Number) -> Answer:
        return Answer(str(number.value))

    composed: Any = begin
    for _ in range(length // 2):
        composed = composed >> there >> back
    return workflow("chain", composed >> tell)


@pytest.mark.slow
async def test_the_grace_is_one_for_the_whole_run(kept: Any) -> None:
    began = time.monotonic()
    # Each of the twelve takes less than the grace, so that each would end within one of its own.
    with pytest.raises(BudgetExhausted, match=r"deadline of 1 s"):
        await chain(12, 0.8).run(QUESTION, budget=Budget(seconds=1, grace=1), **kept)
    assert time.monotonic() - began < 2 + LATE


@pytest.mark.slow
async def test_a_run_that_took_of_its_grace_says_so(kept: Any) -> None:
    @node
    async def late(question: Question) -> Answer:
        await asyncio.sleep(0.1)
        return Answer("late")

    result = await workflow("w", late).run(QUESTION, budget=Budget(seconds=0.05, grace=LATE), **kept)
    assert result.answer is not None
    assert result.answer.text == "late"
    assert result.degraded == ("The deadline of 0.05 s passed: late took of the grace time.",)
    in_time = await workflow("w", late).run(QUESTION, budget=Budget(seconds=60), **kept)
    assert in_time.degraded == ()


@node
async def hangs_on_b(question: Question, facet: str) -> Hits:
    """Finds something for every facet but one."""
    if facet == "b":
        await asyncio.sleep(3600)
    return Hits((Hit(f"{question.text}/{facet}", 1.0),))


@node
async def collect(found: tuple[Hits, ...]) -> Answer:
    """What was found."""
    return Answer(",".join(name for hits in found for name in hits.ids))


@pytest.mark.slow
async def test_each_yields_what_is_done(kept: Any) -> None:
    wf = workflow("w", f.list_facets >> each(hangs_on_b, over=Facets) >> collect)
    result = await wf.run(QUESTION, budget=Budget(seconds=0.2, grace=0.4), **kept)
    assert result.answer is not None
    assert result.answer.text == "ask/a,ask/c"
    assert result.degraded == ("each_facets: 2 of 3 items, since the budget ran out.",)


@pytest.mark.slow
async def test_each_begins_no_more_items_after_the_deadline(kept: Any) -> None:
    begun: list[int] = []

    @node
    async def list_numbers(question: Question) -> tuple[Number, ...]:
        return tuple(Number(value) for value in range(1000))

    @node
    async def work(number: Number) -> Hits:
        begun.append(number.value)
        await asyncio.sleep(0.02)
        return Hits((Hit(str(number.value), 1.0),))

    wf = workflow("w", list_numbers >> each(work, over=tuple[Number, ...], at_once=2) >> collect)
    result = await wf.run(QUESTION, budget=Budget(seconds=0.2, grace=30), **kept)
    assert result.answer is not None
    done = result.answer.text.split(",")
    assert 0 < len(done) <= len(begun) < 1000
    assert done == sorted(done, key=int)
    assert result.degraded == (f"each_tuple: {len(done)} of 1000 items, since the budget ran out.",)


@pytest.mark.slow
async def test_each_with_nothing_done_fails_at_the_end_of_the_grace(kept: Any) -> None:
    @node
    async def hang_item(question: Question, facet: str) -> Hits:
        await asyncio.sleep(3600)
        return Hits()

    wf = workflow("w", f.list_facets >> each(hang_item, over=Facets) >> collect)
    began = time.monotonic()
    with pytest.raises(BudgetExhausted):
        await wf.run(QUESTION, budget=Budget(seconds=0.1, grace=0.2), **kept)
    assert time.monotonic() - began < 0.3 + LATE


@pytest.mark.slow
async def test_a_fusion_fuses_what_is_done(kept: Any) -> None:
    wf = workflow("w", fuse(f.find(1) | f.hang | f.find_other, by=f.rank_fusion) >> f.answer)
    result = await wf.run(QUESTION, budget=Budget(seconds=0.2, grace=0.4), **kept)
    assert result.answer is not None
    assert result.answer.text == "ask: ask-0,ask-other"
    assert result.degraded == ("fork: branch 2 of 3 cut short, since the budget ran out.",)


@pytest.mark.slow
async def test_a_branch_that_had_a_result_gives_that(kept: Any) -> None:
    @node
    async def rerank(hits: Hits) -> Hits:
        await asyncio.sleep(3600)
        return hits

    wf = workflow("w", fuse(f.find(1) >> rerank | f.find_other, by=f.rank_fusion) >> f.answer)
    result = await wf.run(QUESTION, budget=Budget(seconds=0.2, grace=0.4), **kept)
    assert result.answer is not None
    assert result.answer.text == "ask: ask-0,ask-other"
    assert result.degraded == ("rerank: left out, since the budget ran out.",)


@pytest.mark.slow
async def test_a_fusion_in_a_loop_does_not_fuse_what_an_earlier_round_left(kept: Any) -> None:
    rounds: list[int] = []

    @node
    async def find_round(question: Question) -> Hits:
        rounds.append(1)
        if len(rounds) == 2:
            await asyncio.sleep(3600)
        return Hits((Hit(f"round-{len(rounds)}", 1.0),))

    async def twice(hits: Hits) -> bool:
        return len(rounds) >= 2

    body = fuse(find_round | f.find_other, by=f.rank_fusion)
    wf = workflow("w", repeat(body, until=twice, at_most=3) >> f.answer)
    result = await wf.run(QUESTION, budget=Budget(seconds=2.0, grace=2.0), **kept)
    assert result.answer is not None
    assert result.answer.text == "ask: ask-other"


@pytest.mark.slow
async def test_what_needs_all_branches_fails_with_the_one_that_lacks(kept: Any) -> None:
    @node
    async def hang_named(question: Question) -> Annotated[Hits, "first"]:
        await asyncio.sleep(3600)
        return Hits()

    wf = workflow("w", (f.find(1) | hang_named) >> f.compare)
    with pytest.raises(BudgetExhausted, match="hang_named"):
        await wf.run(QUESTION, budget=Budget(seconds=0.1, grace=0.1), **kept)


async def test_a_node_that_will_not_be_stopped_is_left_behind(kept: Any) -> None:
    let_go = asyncio.Event()

    @node
    async def stubborn(question: Question) -> Hits:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                f.SEEN.append("stubborn was asked")
        return Hits()

    began = time.monotonic()
    with pytest.raises(BudgetExhausted):
        await workflow("w", stubborn >> f.answer).run(QUESTION, budget=Budget(seconds=0.1, grace=0.1), **kept)
    assert time.monotonic() - began < 0.2 + LATE
    let_go.set()
    await asyncio.sleep(0)


async def test_nothing_is_tried_again_after_the_deadline() -> None:
    tried: list[int] = []

    @node
    async def away(question: Question) -> Hits:
        tried.append(1)
        await asyncio.sleep(0.1)
        raise ConnectionError("away")

    began = time.monotonic()
    with pytest.raises(Exception, match="away"):
        await workflow("w", away.within(attempts=1000) >> f.answer).run(
            QUESTION, ports={}, budget=Budget(seconds=0.3, grace=0.1)
        )
    assert 1 <= len(tried) <= 4
    assert time.monotonic() - began < 0.4 + LATE


# -- whatever its shape ----------------------------------------------------------------------------


@node
async def sleeps(question: Question, *, number: int, seconds: float) -> Hits:
    """Something after some time."""
    await asyncio.sleep(seconds)
    return Hits((Hit(str(number), 1.0),))


@node
def sleeps_in_thread(question: Question, run: Run, *, number: int, seconds: float) -> Hits:
    """The same in a thread, which looks whether it is to stop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not run.cancelled:
        time.sleep(0.002)
    return Hits((Hit(str(number), 1.0),))


@node
async def slow_item(question: Question, facet: str, *, number: int, seconds: float) -> Hits:
    """The same for an item."""
    await asyncio.sleep(seconds if facet == "b" else seconds / 2)
    return Hits((Hit(str(number), 1.0),))


async def never(hits: Hits) -> bool:
    """Loops go on."""
    return False


SECONDS = st.sampled_from([0.0, 0.005, 0.02, 0.05, 3600.0])
LEAVES = st.one_of(
    st.builds(sleeps, number=st.integers(0, 9), seconds=SECONDS),
    st.builds(sleeps_in_thread, number=st.integers(0, 9), seconds=SECONDS),
)
MAPS = st.builds(
    lambda number, seconds: workflow(
        "map",
        f.list_facets
        >> fuse(each(slow_item(number=number, seconds=seconds), over=Facets, at_once=2), by=f.rank_fusion),
    ),
    st.integers(0, 9),
    SECONDS,
)
SHAPES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(LEAVES, MAPS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: fuse(pair[0] | pair[1], by=f.rank_fusion)),
        st.tuples(inner, LEAVES).map(
            lambda pair: pair[0] >> f.add_one >> repeat(f.add_one, until=never, at_most=3)
        ),
        inner.map(lambda body: repeat(body, until=never, at_most=3)),
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SHAPES)
def test_a_run_of_any_shape_ends_at_its_deadline_and_says_what_it_left_out(shape: Any) -> None:
    wf = workflow("any", shape >> f.answer)
    budget = Budget(seconds=0.1, grace=0.1)

    async def run() -> None:
        wf.check()
        began = time.monotonic()
        with suppress(BudgetExhausted):
            result = await wf.run(QUESTION, ports={}, budget=budget)
            assert result.degraded or result.seconds < 0.15
        assert time.monotonic() - began < 0.2 + LATE

    asyncio.run(run())


#: A program whose first durable run has to wait for an import.
SLOW_IMPORT = """
import asyncio, sys, time, types
from pathlib import Path
from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Budget, Question, workflow
from orchestrator.ports import Runs
from tests.graph import flows as f

def find_spec(name, *_):
    if name == "langgraph.graph":
        time.sleep(4)

sys.meta_path.insert(0, types.SimpleNamespace(find_spec=find_spec))
ports = {Runs: SqlRuns(open_database(Path(sys.argv[1])))}
run = workflow("w", f.find >> f.answer).run(
    Question("q", ANONYMOUS), ports=ports, durability="step", budget=Budget(seconds=3, grace=0.5)
)
print(asyncio.run(run).degraded)
"""


@pytest.mark.slow
def test_what_is_imported_for_the_first_run_is_no_part_of_its_time(tmp_path: Path) -> None:
    program = [sys.executable, "-c", SLOW_IMPORT, str(tmp_path / "state.db")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("()\n", 0), done.stderr
