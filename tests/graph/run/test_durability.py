"""Durable runs: what is kept, what is run again, what is refused."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Hits, Question, Run, each, fuse, node, repeat, workflow
from orchestrator.errors import BadInput, NodeError, PlanChanged, RunBusy, RunNotFound, SettingsError
from orchestrator.graph.run import lease
from orchestrator.graph.run.checkpoint import FlowSerializer, opened
from orchestrator.ports import GenerationRequest, LanguageModel, Runs
from orchestrator.types import Citation, Context, Excerpt, Facets, Hit, Principal, Usage
from tests.graph import flows as f
from tests.graph.run.test_running import Echo

QUESTION = Question("ask", ANONYMOUS)
RAN: list[str] = []
BREAK: set[str] = set()


@node
async def first(question: Question, run: Run) -> Hits:
    """Degrades, so that the reason must survive."""
    RAN.append("first")
    run.degrade("first was lazy")
    return Hits((Hit("one", 1.0, "bm25"),))


@node
async def second(hits: Hits, model: LanguageModel) -> Hits:
    """Spends, so that the sum must survive."""
    RAN.append("second")
    await model.generate(GenerationRequest([f.Message("user", "hello")]))
    return Hits((*hits.hits, Hit("two", 0.5)))


@node
async def third(hits: Hits) -> Answer:
    """Fails while it is told to."""
    RAN.append("third")
    if "third" in BREAK:
        raise ValueError("broken for now")
    return Answer(",".join(hits.ids))


LINE = workflow("line", first >> second >> third)


@pytest.fixture
def ports(tmp_path: Path):
    RAN.clear()
    BREAK.clear()
    database = open_database(f"sqlite:///{tmp_path / 'state.db'}")
    yield {Runs: SqlRuns(database), LanguageModel: Echo()}
    database.close()


@pytest.fixture
def gate():
    """A workflow whose second node waits until it is let through."""
    entered, opened_gate = asyncio.Event(), asyncio.Event()

    @node
    async def wait_here(hits: Hits) -> Answer:
        RAN.append("wait_here")
        entered.set()
        await opened_gate.wait()
        return Answer(",".join(hits.ids))

    return workflow("gate", first >> wait_here), entered, opened_gate


@pytest.mark.parametrize("durability", ["none", "exit", "step"])
async def test_a_straight_line_gives_the_same_whatever_is_kept(ports, durability):
    result = await LINE.run(QUESTION, ports=ports, durability=durability)
    given = {"configurable": {"ports": ports}}
    by_langgraph = await LINE.compiled(lines=True).ainvoke({"Question": QUESTION}, given)
    assert result.answer is not None
    assert result.answer.text == by_langgraph[LINE.plan.output.key].text == "one,two"
    assert RAN == ["first", "second", "third"] * 2


@pytest.mark.parametrize(
    ("durability", "again"), [("step", ["third"]), ("exit", ["first", "second", "third"])]
)
async def test_a_failed_run_goes_on_from_what_was_kept(ports, durability, again):
    BREAK.add("third")
    with pytest.raises(NodeError, match="broken for now"):
        await LINE.run(QUESTION, ports=ports, durability=durability, run_id="r1")
    RAN.clear()
    BREAK.clear()
    result = await LINE.resume("r1", ports=ports, principal=ANONYMOUS)
    assert again == RAN
    assert result.answer.text == "one,two"
    assert "First was lazy." in result.degraded
    record = await ports[Runs].read("r1", principal=ANONYMOUS)
    assert record.status == "done"
    if durability == "step":
        assert result.usage.calls == 1


async def test_an_ended_run_is_not_run_again(ports):
    await LINE.run(QUESTION, ports=ports, durability="step", run_id="r1")
    with pytest.raises(BadInput, match="has ended"):
        await LINE.resume("r1", ports=ports, principal=ANONYMOUS)


async def test_another_principal_cannot_go_on_with_a_run(ports):
    BREAK.add("third")
    with pytest.raises(NodeError):
        await LINE.run(QUESTION, ports=ports, durability="step", run_id="r1")
    for other in (Principal("rival", ANONYMOUS.grants, "anonymous"), Principal(name="nobody")):
        with pytest.raises(RunNotFound):
            await LINE.resume("r1", ports=ports, principal=other)


async def test_a_changed_workflow_is_refused(ports):
    BREAK.add("third")
    with pytest.raises(NodeError):
        await LINE.run(QUESTION, ports=ports, durability="step", run_id="r1")
    changed = workflow("line", first >> second >> f.add_one >> third)
    with pytest.raises(PlanChanged, match="line"):
        await changed.resume("r1", ports=ports, principal=ANONYMOUS)


async def test_a_run_that_was_not_durable_says_so(ports):
    await LINE.run(QUESTION, ports=ports, run_id="r1")
    with pytest.raises(BadInput):
        await LINE.resume("r1", ports=ports, principal=ANONYMOUS)
    with pytest.raises(SettingsError, match="Runs"):
        await LINE.run(QUESTION, ports={LanguageModel: Echo()}, durability="step")


async def test_loops_and_maps_go_on_where_they_were(ports):
    async def five(hits: Hits) -> bool:
        RAN.append("until")
        return len(hits) >= 5

    @node
    async def collect(hits: Hits) -> Answer:
        if "third" in BREAK:
            raise ValueError("broken for now")
        return Answer(",".join(hits.ids))

    mapped = f.list_facets >> fuse(each(f.find_facet, over=Facets), by=f.rank_fusion)
    wf = workflow("w", mapped >> repeat(f.add_one, until=five, at_most=9) >> collect)
    BREAK.add("third")
    with pytest.raises(NodeError):
        await wf.run(QUESTION, ports=ports, durability="step", run_id="r1")
    RAN.clear()
    BREAK.clear()
    result = await wf.resume("r1", ports=ports, principal=ANONYMOUS)
    assert RAN == []
    assert result.answer.text == "ask/a,ask/b,ask/c,added-3,added-4"


async def test_the_trace_of_a_run_is_read_back_by_its_owner_only(ports):
    await LINE.run(QUESTION, ports=ports, run_id="r1")
    record = await ports[Runs].read("r1", principal=ANONYMOUS)
    assert [step.path for step in record.steps] == ["first", "second", "third"]
    assert record.usage == Usage(1, 6, 4)
    assert record.degraded == ("First was lazy.",)
    assert record.output["value"]["text"] == "one,two"
    assert await ports[Runs].read("r1", principal=Principal("rival", ANONYMOUS.grants, "anonymous")) is None


async def test_a_cancelled_run_is_recorded_as_such(ports, gate):
    wf, entered, _ = gate
    task = asyncio.create_task(wf.run(QUESTION, ports=ports, run_id="r1", durability="step"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    record = await ports[Runs].read("r1", principal=ANONYMOUS)
    assert record.status == "cancelled"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_killed_run_ends_with_the_same_answer(tmp_path: Path, seed: int):
    """SIGKILL at random moments; each new process resumes; every node runs at least once."""
    rng = random.Random(seed)
    command = [sys.executable, "-m", "tests.graph.run.killed_run", str(tmp_path)]
    for _ in range(4):
        process = subprocess.Popen(command)
        wait = 1.0 + rng.random() * 1.5
        end = time.monotonic() + wait
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, timeout=60)
    log = (tmp_path / "ran").read_text().split()
    assert (tmp_path / "answer").read_text() == "start,1,2,3,4,5,6"
    assert set(log) == {"start", "1", "2", "3", "4", "5", "6"}
    assert sorted(set(log), key=log.index) == ["start", "1", "2", "3", "4", "5", "6"]


async def test_a_run_that_is_alive_is_not_resumed(ports, gate):
    wf, entered, opened_gate = gate
    running = asyncio.create_task(wf.run(QUESTION, ports=ports, durability="step", run_id="r1"))
    await entered.wait()
    for again in (
        wf.resume("r1", ports=ports, principal=ANONYMOUS),
        wf.run(QUESTION, ports=ports, durability="step", run_id="r1"),
    ):
        with pytest.raises(RunBusy, match=r"Run 'r1' is being carried on by process \d+ on "):
            await again
    opened_gate.set()
    assert (await running).answer == Answer("one", degraded=("First was lazy.",))
    assert RAN == ["first", "wait_here"]


async def test_of_two_resumes_one_runs(ports, gate):
    wf, entered, opened_gate = gate
    running = asyncio.create_task(wf.run(QUESTION, ports=ports, durability="step", run_id="r1"))
    await entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    opened_gate.set()
    RAN.clear()
    both = [wf.resume("r1", ports=ports, principal=ANONYMOUS) for _ in range(2)]
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert RAN == ["wait_here"]
    assert sorted(type(each).__name__ for each in ended) in (
        ["RunBusy", "RunResult"],
        ["BadInput", "RunResult"],  # the other had ended by then
    )


async def test_an_owner_that_was_succeeded_while_it_stalled_keeps_nothing_more(ports, gate, monkeypatch):
    monkeypatch.setattr(lease, "HOLD", 0.0)  # as if each lease ran out at once
    wf, entered, opened_gate = gate
    running = asyncio.create_task(wf.run(QUESTION, ports=ports, durability="step", run_id="r1"))
    await asyncio.wait({running, asyncio.create_task(entered.wait())}, return_when="FIRST_COMPLETED")
    for _ in range(200):
        # The owner renews its lease all the time: it has run out between two renewals.
        taken = await ports[Runs].claim("r1", "another process", seconds=60)
        if taken.owner == "another process":
            break
    assert taken.owner == "another process"
    opened_gate.set()
    with pytest.raises(RunBusy, match="taken over by another process"):
        await running
    record = await ports[Runs].read("r1", principal=ANONYMOUS)
    assert record.status == "running"


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_free_and_one_that_lives_is_not(tmp_path: Path):
    """Two processes: the second is refused while the first lives, and takes over once it is killed."""
    command = [sys.executable, "-m", "tests.graph.run.killed_run", str(tmp_path)]
    process = subprocess.Popen([*command, "slowly"])
    try:
        end = time.monotonic() + 60
        while "2" not in ((tmp_path / "ran").read_text() if (tmp_path / "ran").exists() else ""):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.01)
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode != 0
        assert f"RunBusy: Run 'run' is being carried on by process {process.pid} on " in second.stderr
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run(command, check=True, timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "answer").read_text() == "start,1,2,3,4,5,6"
    assert (tmp_path / "ran").read_text().split() == ["start", "1", "2", "2", "3", "4", "5", "6"]


IDS = st.text(min_size=1, max_size=8)
HITS = st.lists(st.builds(Hit, IDS, st.floats(allow_nan=False, allow_infinity=False), IDS)).map(
    lambda hits: Hits(tuple(hits))
)
VALUES = st.one_of(
    HITS,
    st.builds(Question, IDS, st.builds(Principal, IDS, st.frozensets(IDS), IDS)),
    st.builds(Answer, IDS, st.lists(st.builds(Citation, st.integers(0, 9), IDS, IDS, IDS, IDS)).map(tuple)),
    st.lists(
        st.builds(Excerpt, IDS, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))).map(tuple))
    ).map(lambda excerpts: Context(tuple(excerpts))),
    st.lists(HITS).map(tuple),
)


@pytest.mark.slow
@given(st.dictionaries(IDS, VALUES))
def test_every_value_survives_a_checkpoint(values):
    types = {key: tuple[Hits, ...] if type(value) is tuple else type(value) for key, value in values.items()}
    serializer = FlowSerializer(types)
    kept = serializer.kept_all(values)
    read = serializer.loads_typed(serializer.dumps_typed({"channel_values": kept}))["channel_values"]
    assert opened(read) == values


def test_a_checkpoint_cannot_name_another_class():
    serializer = FlowSerializer({"a": Hits})
    written = serializer.dumps_typed({"a": serializer.kept("a", Hits((Hit("x", 1.0),)))})
    with pytest.raises(PlanChanged, match="types:Hits"):
        FlowSerializer({"a": Answer}).loads_typed(written)
    with pytest.raises(PlanChanged, match="holds a value of a"):
        FlowSerializer({"b": Hits}).loads_typed(written)
    with pytest.raises(PlanChanged, match="pickle"):
        FlowSerializer({"a": Answer}).loads_typed(("pickle", b""))


async def test_a_run_that_was_kept_by_an_earlier_version_says_to_start_anew(ports, tmp_path: Path):
    BREAK.add("third")
    with pytest.raises(NodeError):
        await LINE.run(QUESTION, ports=ports, durability="step", run_id="old")
    kept = await ports[Runs].read("old", principal=ANONYMOUS)
    await ports[Runs].finish(replace(kept, plan="0" * 32))
    with pytest.raises(PlanChanged, match=r"earlier version.* Start the run again"):
        await LINE.resume("old", ports=ports, principal=ANONYMOUS)
