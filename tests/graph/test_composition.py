"""Composition: what each operator of the algebra does when it runs."""

from __future__ import annotations

import pytest

from orchestrator import ANONYMOUS, SKIP, Question, each, fuse, repeat, route, workflow
from orchestrator.errors import BadInput
from orchestrator.graph.node import ConfigurationError
from orchestrator.types import Answer, Facets, Hits
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)


@pytest.fixture(params=["line", "stepwise"])
def output(request: pytest.FixtureRequest):
    """Runs a workflow as one step a line, and as one LangGraph node a node: same results."""

    async def run(wf, question: Question = QUESTION):
        if request.param == "line":
            return (await wf.run(question, ports={})).output
        state = await wf.langgraph.ainvoke({"Question": question})
        return state[wf.plan.output.key]

    return run


async def test_a_sequence_passes_each_result_to_the_next(output):
    wf = workflow("w", f.find(2) >> f.add_one >> f.answer)
    assert (await output(wf)).text == "ask: ask-0,ask-1,added-2"


async def test_parallel_branches_start_from_the_same_state_and_are_fused(output):
    wf = workflow("w", fuse(f.find(2) | f.find_other, by=f.rank_fusion(60)))
    found: Hits = await output(wf)
    assert found.ids == ("ask-0", "ask-other", "ask-1")


async def test_a_branch_of_several_nodes_does_not_disturb_the_other(output):
    wf = workflow(
        "w", f.find(1) >> fuse((f.add_one >> f.add_one) | (f.rewrite >> f.search_queries), by=f.rank_fusion)
    )
    assert set((await output(wf)).ids) == {"ask-0", "added-1", "added-2", "ask"}


async def test_branches_that_write_different_types_need_no_fusion(output):
    wf = workflow("w", (f.find | f.write_first) >> f.compare)
    assert (await output(wf)).text == "ask-0,ask-1,ask-2 against first"


async def test_each_maps_over_a_collection_in_its_order(output):
    wf = workflow("w", f.list_facets >> fuse(each(f.find_facet, over=Facets, at_once=2), by=f.rank_fusion))
    assert (await output(wf)).ids == ("ask/a", "ask/b", "ask/c")


async def test_each_over_nothing_yields_an_empty_tuple(output):
    @f.node
    async def no_facets(question: Question) -> Facets:
        return Facets()

    wf = workflow("w", no_facets >> fuse(each(f.find_facet, over=Facets), by=f.rank_fusion))
    assert (await output(wf)) == Hits()


async def test_each_runs_at_most_so_many_at_once():
    import asyncio

    now, most = 0, 0

    @f.node
    async def watched(facet: str) -> Hits:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return Hits()

    wf = workflow("w", f.list_facets >> fuse(each(watched, over=Facets, at_once=2), by=f.rank_fusion))
    await wf.run(QUESTION, ports={})
    assert most == 2


@pytest.mark.parametrize(("text", "expected"), [("ask", 4), ("a long question", 3)])
async def test_route_runs_the_chosen_branch_only(output, text, expected):
    wf = workflow("w", f.find >> route({"short": f.add_one, "long": SKIP}, by=f.by_length) >> f.answer)
    assert (await output(wf, Question(text, ANONYMOUS))).text.count(",") + 1 == expected


async def test_a_route_may_overwrite_what_a_branch_wrote_before_it(output):
    inner = (f.find(1) | f.write_first) >> route({"short": f.add_one, "long": None}, by=f.by_length)
    wf = workflow("w", inner >> f.compare)
    assert (await output(wf)).text == "ask-0,added-1 against first"
    assert (
        await output(wf, Question("a long question", ANONYMOUS))
    ).text == "a long question-0 against first"


async def test_what_only_one_choice_writes_can_be_read_as_optional(output):
    wf = workflow("w", route({"short": f.find(1), "long": None}, by=f.by_length) >> f.answer_if_any)
    assert (await output(wf)).text == "ask-0"
    assert (await output(wf, Question("a long question", ANONYMOUS))).text == "nothing"


async def test_repeat_runs_until_the_condition_holds(output):
    wf = workflow("w", repeat(f.draft, until=f.long_enough, at_most=10))
    assert (await output(wf)).text == "xxx"


async def test_repeat_stops_after_so_many_rounds(output):
    wf = workflow("w", repeat(f.draft, until=f.long_enough, at_most=2))
    assert (await output(wf)).text == "xx"


async def test_a_loop_around_a_fork_carries_the_fused_value_on(output):
    async def many(hits: Hits) -> bool:
        return len(hits) >= 6

    grow = f.add_one >> fuse(f.add_one | f.find_other, by=f.rank_fusion)
    wf = workflow("w", f.find(1) >> repeat(grow, until=many, at_most=5))
    assert len(await output(wf)) >= 6


async def test_a_loop_inside_each_keeps_its_items_apart(output):
    @f.node
    async def start(facet: str) -> Answer:
        return Answer(facet)

    @f.node
    async def lengthen(text: Answer) -> Answer:
        return Answer(text.text * 2)

    @f.node
    async def collect(texts: tuple[Answer, ...]) -> Answer:
        return Answer("+".join(text.text for text in texts))

    body = start >> repeat(lengthen, until=f.long_enough, at_most=9)
    wf = workflow("w", f.list_facets >> each(body, over=Facets) >> collect)
    assert (await output(wf)).text == "aaaa+bbbb+cccc"


async def test_a_workflow_is_a_node_whose_inner_values_stay_inside(output):
    inner = workflow("inner", f.rewrite >> f.search_queries >> f.add_one)
    nested = workflow("outer", inner >> f.answer)
    assert (await output(nested)).text == "ask: ask,added-1"
    assert [call.path for call in _calls(nested)][:2] == ["inner/rewrite", "inner/search_queries"]
    leaking = workflow("outer", inner >> f.search_queries >> f.answer)
    assert any("Queries" in fault.problem for fault in leaking.faults())


async def test_named_channels_hold_values_of_one_type_apart(output):
    wf = workflow("w", f.find(1) >> f.find_other.writing("first") >> f.compare)
    assert (await output(wf)).text == "ask-0 against ask-other"
    rebound = workflow(
        "w", f.find(1).writing("mine") >> f.add_one.reading(hits="mine") >> f.answer, outputs=()
    )
    assert (await output(rebound)).text == "ask: ask-0,added-1"


async def test_a_result_holds_every_value_the_run_ended_with():
    wf = workflow("w", f.find(1) >> f.answer)
    result = await wf.run(QUESTION, ports={})
    assert result.answer == result.output == result.get(Answer)
    assert result.get(Hits).ids == ("ask-0",)
    assert result.get(Hits, "first") is None
    assert [step.path for step in result.steps] == ["find", "answer"]


def test_nodes_with_equal_settings_are_equal_and_so_are_their_compositions():
    assert f.find(2) == f.find(k=2) != f.find(3)
    assert hash(f.find(2) >> f.answer) == hash(f.find(k=2) >> f.answer)
    assert f.Shout(times=2) == f.Shout(2) != f.Shout(3)
    assert workflow("w", f.find >> f.answer) == workflow("w", f.find >> f.answer)
    assert (f.find >> f.add_one) >> f.answer == f.find >> (f.add_one >> f.answer)
    assert f.find.within(attempts=2) != f.find.within(attempts=3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: f.Shout(times="many"),
        lambda: f.Shout(mark="."),
        lambda: f.Shout(volume=3),
        lambda: f.Shout(1, "!", 3),
        lambda: f.find(k="many"),
        lambda: f.find(size=3),
        lambda: f.find(1, 2),
    ],
)
def test_a_bad_setting_is_one_sentence_with_the_settings_there_are(make):
    with pytest.raises(ConfigurationError) as error:
        make()
    assert "\n" not in str(error.value)
    assert error.value.hint


def test_settings_are_frozen():
    with pytest.raises(Exception, match=r"frozen|cannot assign"):
        f.Shout().times = 3


@pytest.mark.parametrize("inputs", [(), ("ask",), (QUESTION, QUESTION), (Hits(),)])
async def test_wrong_inputs_say_what_the_workflow_starts_from(inputs):
    with pytest.raises(BadInput, match="Question"):
        await workflow("w", f.find >> f.answer).run(*inputs, ports={})


def test_drawing_names_every_node_and_what_flows():
    wf = workflow(
        "w",
        fuse(f.find | f.find_other, by=f.rank_fusion)
        >> route({"short": f.add_one, "long": None}, by=f.by_length)
        >> f.answer,
    )
    drawn = wf.draw()
    assert drawn.startswith("flowchart TD")
    for path in ("find", "find_other", "rank_fusion", "route_by_length", "add_one", "answer"):
        assert f'"{path}"' in drawn
    assert '-- "Hits" -->' in drawn
    assert '-- "short" -->' in drawn


def _calls(wf):
    from orchestrator.graph.plan.plan import calls

    return calls(wf.plan.body)
