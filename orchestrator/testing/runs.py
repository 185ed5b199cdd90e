"""Conformance tests of the `Runs` port, above all of access control."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, TypedDict

import pytest

from orchestrator.errors import BadInput, LeaseLost
from orchestrator.ports import RunRecord, Runs, StepRecord
from orchestrator.types import Principal, Usage

ANNA = Principal(tenant="red", grants=frozenset({"public", "staff"}), name="anna")
RUN = RunRecord("run-1", "chat", "plan", "none", ANNA, created=1000.0, input={"q": {"text": "Why?"}})


class Counted(TypedDict):
    """The state of the tests' graph."""

    seen: Annotated[list[int], operator.add]


def citation(n: int, *labels: str) -> dict[str, Any]:
    """A citation of a passage with these labels."""
    return {
        "n": n,
        "id": f"passage-{n}",
        "title": f"Title {n}",
        "source": f"/docs/{n}.txt",
        "text": f"text {n}",
        "hash": f"hash-{n}",
        "page": n,
        "section": f"Section {n}",
        "labels": sorted(labels),
    }


def answered(*citations: Mapping[str, Any], run: RunRecord = RUN) -> RunRecord:
    """A run that ended with an answer."""
    value = {"text": "Because [1].", "citations": list(citations), "degraded": [], "usage": {"calls": 1}}
    return replace(run, status="done", seconds=1.5, output={"type": "Answer", "value": value})


def counting_graph(saver: Any) -> Any:
    """A LangGraph graph whose one node adds to `seen` how many numbers it saw."""
    from langgraph.graph import StateGraph  # pyright: ignore[reportMissingTypeStubs]

    async def look(state: Counted) -> Counted:
        return {"seen": [len(state["seen"])]}

    graph: Any = StateGraph(Counted)
    graph.add_node("look", look)
    graph.set_entry_point("look")
    return graph.compile(checkpointer=saver)


@pytest.mark.asyncio
class RunsConformance:
    """Subclass it with a fixture `runs`, an empty store. Leases run out by being claimed for 0 s."""

    @pytest.fixture
    def runs(self) -> Runs:
        """The store under test."""
        raise NotImplementedError

    async def test_a_run_that_has_begun_can_be_read(self, runs: Runs) -> None:
        await runs.begin(RUN)
        assert await runs.read("run-1", principal=ANNA) == RUN

    async def test_a_run_is_read_back_whole(self, runs: Runs) -> None:
        step = StepRecord(
            "retrieve",
            0.1,
            0.25,
            {"question": {"text": "Why?"}},
            {"hits": {"ids": ["a", "b"], "best": 0.5}},
            Usage(1, 20, 3),
            cached=True,
            attempts=2,
            error="NodeTimeout: took longer",
        )
        ended = replace(
            answered(citation(1, "public"), citation(2, "staff")),
            degraded=("no model is configured",),
            usage=Usage(3, 200, 30),
            steps=(step, replace(step, path="answer", cached=False, error=None)),
        )
        await runs.begin(RUN)
        await runs.finish(ended)
        assert await runs.read("run-1", principal=ANNA) == ended

    async def test_a_run_that_was_not_begun_is_kept_at_its_end(self, runs: Runs) -> None:
        failed = replace(RUN, status="failed", error="[retrieve] the store is away")
        await runs.finish(failed)
        assert await runs.read("run-1", principal=ANNA) == failed

    async def test_a_run_that_goes_on_ends_once(self, runs: Runs) -> None:
        step = StepRecord("retrieve", 0.0, 0.1, {}, {}, Usage())
        await runs.begin(RUN)
        await runs.finish(replace(RUN, status="failed", error="crashed", steps=(step, step)))
        await runs.begin(RUN)
        await runs.finish(replace(answered(citation(1, "public")), steps=(step,)))
        found = await runs.read("run-1", principal=ANNA)
        assert found is not None
        assert (found.status, found.error, len(found.steps)) == ("done", None, 1)

    async def test_any_output_is_kept(self, runs: Runs) -> None:
        for output in (
            {"type": "Hits", "value": {"hits": [{"id": "a", "score": 0.5, "why": ""}]}},
            {"type": "int", "value": 3},
            {"type": "tuple", "value": [1, None, "x"]},
            None,
        ):
            await runs.finish(replace(RUN, status="done", output=output))
            found = await runs.read("run-1", principal=ANNA)
            assert found is not None
            assert found.output == output

    @pytest.mark.parametrize("other", [replace(ANNA, name="bert"), replace(ANNA, tenant="blue")])
    async def test_another_principals_run_is_not_there(self, runs: Runs, other: Principal) -> None:
        await runs.finish(answered(citation(1, "public")))
        assert await runs.read("run-1", principal=other) is None
        assert await runs.read("run-2", principal=ANNA) is None

    async def test_a_run_id_that_another_has_taken_is_refused(self, runs: Runs) -> None:
        await runs.begin(RUN)
        stolen = replace(RUN, principal=replace(ANNA, name="mallory"), workflow="mine")
        with pytest.raises(BadInput):
            await runs.begin(stolen)
        with pytest.raises(BadInput):
            await runs.finish(stolen)
        assert await runs.read("run-1", principal=ANNA) == RUN

    async def test_what_may_no_longer_be_read_is_withheld_with_the_answer(self, runs: Runs) -> None:
        await runs.finish(
            answered(citation(1, "public"), citation(2, "staff"), citation(3, "staff", "board"))
        )
        demoted = replace(ANNA, grants=frozenset({"public"}))
        found = await runs.read("run-1", principal=demoted)
        assert found is not None
        assert found.output is not None
        assert found.output["value"]["citations"] == [citation(1, "public")]
        assert found.output["value"]["text"] == ""
        assert found.output["withheld"] == 2
        assert "text 2" not in repr(found)
        assert "Because" not in repr(found)

    async def test_without_grants_a_run_shows_no_citation(self, runs: Runs) -> None:
        await runs.finish(answered(citation(1, "public")))
        found = await runs.read("run-1", principal=replace(ANNA, grants=frozenset[str]()))
        assert found is not None
        assert "text 1" not in repr(found)
        assert "Because" not in repr(found)

    async def test_a_citation_without_labels_is_nobodys(self, runs: Runs) -> None:
        await runs.finish(answered(citation(1)))
        found = await runs.read("run-1", principal=ANNA)
        assert found is not None
        assert "text 1" not in repr(found)

    async def test_an_answer_without_citations_is_shown(self, runs: Runs) -> None:
        ended = answered()
        await runs.finish(ended)
        assert await runs.read("run-1", principal=replace(ANNA, grants=frozenset[str]())) == ended

    async def test_a_run_has_one_owner(self, runs: Runs) -> None:
        lease = await runs.claim("run-1", "first", seconds=60)
        assert (lease.run_id, lease.owner) == ("run-1", "first")
        other = await runs.claim("run-1", "second", seconds=60)
        assert (other.owner, other.fence) == ("first", lease.fence)
        assert (await runs.claim("run-2", "second", seconds=60)).owner == "second"

    async def test_a_lease_that_ran_out_is_the_next_ones(self, runs: Runs) -> None:
        lease = await runs.claim("run-1", "first", seconds=0)
        taken = await runs.claim("run-1", "second", seconds=60)
        assert (taken.owner, taken.fence) == ("second", lease.fence + 1)
        with pytest.raises(LeaseLost):
            await runs.renew(lease, seconds=60)
        await runs.release(lease)
        assert (await runs.claim("run-1", "third", seconds=60)).owner == "second"

    async def test_a_lease_that_is_renewed_stays(self, runs: Runs) -> None:
        lease = await runs.claim("run-1", "first", seconds=0)
        renewed = await runs.renew(lease, seconds=60)
        assert (renewed.owner, renewed.fence) == ("first", lease.fence)
        assert renewed.until > lease.until
        assert (await runs.claim("run-1", "second", seconds=60)).owner == "first"

    async def test_a_lease_that_was_given_back_or_whose_owner_is_dead_is_free(self, runs: Runs) -> None:
        first = await runs.claim("run-1", "first", seconds=60)
        await runs.release(first)
        second = await runs.claim("run-1", "second", seconds=60)
        third = await runs.claim("run-1", "third", seconds=60, after="second")
        assert (second.owner, third.owner) == ("second", "third")
        assert first.fence < second.fence < third.fence

    async def test_the_end_of_a_run_is_stored_by_its_owner_only(self, runs: Runs) -> None:
        await runs.begin(RUN)
        lost = await runs.claim("run-1", "first", seconds=0)
        lease = await runs.claim("run-1", "second", seconds=60)
        with pytest.raises(LeaseLost):
            await runs.finish(replace(RUN, status="failed", error="crashed"), lost)
        assert await runs.read("run-1", principal=ANNA) == RUN
        await runs.finish(answered(citation(1, "public")), lease)
        found = await runs.read("run-1", principal=ANNA)
        assert found is not None
        assert found.status == "done"
        assert (await runs.claim("run-1", "third", seconds=60)).owner == "third"

    async def test_the_saver_keeps_a_graph_by_its_run(self, runs: Runs) -> None:
        first = counting_graph(runs.saver(None))
        config = {"configurable": {"thread_id": "run-1"}}
        assert (await first.ainvoke({"seen": []}, config))["seen"] == [0]
        second = counting_graph(runs.saver(None))
        assert (await second.ainvoke({"seen": []}, config))["seen"] == [0, 1]
        assert (await second.aget_state(config)).values == {"seen": [0, 1]}
        other = {"configurable": {"thread_id": "run-2"}}
        assert (await second.aget_state(other)).values == {}

    async def test_a_run_that_ended_well_keeps_no_checkpoints(self, runs: Runs) -> None:
        graph = counting_graph(runs.saver(None))
        durable = replace(RUN, durability="step")
        for run_id in ("run-1", "run-2"):
            await runs.begin(replace(durable, id=run_id))
            await graph.ainvoke({"seen": []}, {"configurable": {"thread_id": run_id}})
        await runs.finish(answered(run=durable))
        await runs.finish(replace(durable, id="run-2", status="failed", error="crashed"))
        kept = [
            bool((await graph.aget_state({"configurable": {"thread_id": run_id}})).values)
            for run_id in ("run-1", "run-2")
        ]
        assert kept == [False, True]
