"""Arms that begin alike: their common part runs once a query, and costs each of them the same."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator import ANONYMOUS, Answer, Hits, Question, Run, fuse, node, workflow
from orchestrator.evaluation.sharing import SharedCalls
from orchestrator.ports import Generation, GenerationRequest, LanguageModel
from orchestrator.types import Hit, Message, Usage
from tests.evaluation import sets as s

QUESTION = Question("cat on a mat", ANONYMOUS)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    s.RAN.clear()


async def test_a_common_beginning_runs_once() -> None:
    shared = SharedCalls()
    one = workflow("one", s.overlap >> s.Top(3) >> s.Top(1))
    two = workflow("two", s.overlap() >> s.Top(3) >> s.turned)
    first = await one.run(QUESTION, ports={}, sharing=shared)
    second = await two.run(QUESTION, ports={}, sharing=shared)
    assert s.RAN == ["overlap", "top3", "top1", "turned"]
    assert first.output == (await one.run(QUESTION, ports={})).output
    assert second.output == (await two.run(QUESTION, ports={})).output
    assert [step.cached for step in second.steps] == [True, True, False]


async def test_another_setting_is_another_node() -> None:
    shared = SharedCalls()
    await workflow("one", s.overlap(least=1) >> s.Top(3)).run(QUESTION, ports={}, sharing=shared)
    await workflow("two", s.overlap(least=2) >> s.Top(3)).run(QUESTION, ports={}, sharing=shared)
    assert s.RAN == ["overlap", "top3"] * 2


async def test_an_equal_node_on_other_input_is_another_call() -> None:
    shared = SharedCalls()
    await workflow("one", s.overlap >> s.turned >> s.Top(1)).run(QUESTION, ports={}, sharing=shared)
    await workflow("two", s.overlap >> s.Top(1)).run(QUESTION, ports={}, sharing=shared)
    assert s.RAN == ["overlap", "turned", "top1", "top1"]


@node
async def joined(rankings: tuple[Hits, ...]) -> Hits:
    """All hits of all rankings, once."""
    s.RAN.append("joined")
    return Hits(tuple({hit.id: hit for hits in rankings for hit in hits}.values()))


async def test_branches_and_their_fusion_are_shared() -> None:
    shared = SharedCalls()
    both = fuse(s.overlap | s.overlap(least=2) >> s.turned, by=joined)
    await workflow("one", both >> s.Top(1)).run(QUESTION, ports={}, sharing=shared)
    await workflow("two", both >> s.Top(2)).run(QUESTION, ports={}, sharing=shared)
    await workflow("alone", s.overlap >> s.Top(3)).run(QUESTION, ports={}, sharing=shared)
    assert sorted(s.RAN) == ["joined", "overlap", "overlap", "top1", "top2", "top3", "turned"]


async def test_equal_calls_of_one_graph_stay_apart() -> None:
    shared = SharedCalls()
    twice = workflow("twice", fuse(s.overlap | s.overlap, by=joined))
    await twice.run(QUESTION, ports={}, sharing=shared)
    assert s.RAN.count("overlap") == 2
    await twice.run(QUESTION, ports={}, sharing=shared)
    assert s.RAN.count("overlap") == 2


class CountingModel:
    """Answers every prompt with its number."""

    name, available = "counting", True

    def __init__(self) -> None:
        self.calls = 0

    async def generate(self, request: GenerationRequest, **_: object) -> Generation[None]:
        self.calls += 1
        return Generation(str(self.calls), usage=Usage(1, 10, 2))


@node
async def asked(question: Question, model: LanguageModel) -> Answer:
    """One model call."""
    return Answer((await model.generate(GenerationRequest([Message("user", question.text)]))).text)


@node
async def loudly(answer: Answer) -> Answer:
    """The answer, louder."""
    return Answer(answer.text + "!")


async def test_what_a_shared_call_cost_counts_for_every_arm() -> None:
    shared, model = SharedCalls(), CountingModel()
    ports = {LanguageModel: model}
    first = await workflow("one", asked).run(QUESTION, ports=ports, sharing=shared)
    second = await workflow("two", asked >> loudly).run(QUESTION, ports=ports, sharing=shared)
    assert model.calls == 1
    assert first.usage == second.usage == Usage(1, 10, 2)
    assert second.answer is not None
    assert second.answer.text == "1!"


@node
async def slow(question: Question) -> Hits:
    """Takes its time."""
    await asyncio.sleep(0.03)
    return Hits((Hit("d1", 1.0),))


async def test_the_time_of_a_reused_call_is_known() -> None:
    shared = SharedCalls()
    await workflow("one", slow).run(QUESTION, ports={}, sharing=shared, run_id="one")
    await workflow("two", slow >> s.Top(1)).run(QUESTION, ports={}, sharing=shared, run_id="two")
    assert shared.reused_seconds("one") == 0.0
    assert 0.03 <= shared.reused_seconds("two") <= shared.seconds


def test_calls_made_side_by_side_count_once() -> None:
    shared = SharedCalls(_reused={"run": [(1.0, 3.0), (2.0, 4.0), (2.5, 3.0), (10.0, 10.5)]})
    assert shared.reused_seconds("run") == pytest.approx(3.5)
    assert shared.reused_seconds("other") == 0.0


FAILURES: list[str] = []


@node
async def fails_once(question: Question) -> Hits:
    """Fails the first time."""
    FAILURES.append("")
    if len(FAILURES) == 1:
        raise ValueError("first")
    return Hits((Hit("d1", 1.0),))


async def test_a_failure_is_not_shared() -> None:
    FAILURES.clear()
    shared = SharedCalls()
    with pytest.raises(Exception, match="fails_once"):
        await workflow("one", fails_once).run(QUESTION, ports={}, sharing=shared)
    result = await workflow("two", fails_once).run(QUESTION, ports={}, sharing=shared)
    assert result.output.ids == ("d1",)


async def test_a_degraded_result_is_made_anew_so_that_each_arm_says_so() -> None:
    shared = SharedCalls()
    arm = workflow("one", s.overlap >> s.hurried)
    for _ in range(2):
        result = await arm.run(QUESTION, ports={}, sharing=shared)
        assert result.degraded == ("There was no time.",)


@node
async def noted(hits: Hits, run: Run) -> None:
    """An effect."""
    s.RAN.append("noted")


async def test_effects_happen_for_every_arm() -> None:
    shared = SharedCalls()
    arm = workflow("one", s.overlap >> noted, outputs=(Hits,))
    await arm.run(QUESTION, ports={}, sharing=shared)
    await arm.run(QUESTION, ports={}, sharing=shared)
    assert s.RAN == ["overlap", "noted", "noted"]
