"""Reranking: every strategy finds the best, loses nothing, and stops when it must."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import Budget, Hits
from orchestrator.errors import ContextTooLong
from orchestrator.models.null import NullModel
from orchestrator.nodes.rerank.calls import AT_ONCE, GIVEN_UP
from orchestrator.nodes.rerank.candidates import even_groups, permutation
from orchestrator.nodes.rerank.listwise import windows
from orchestrator.testing.judge import Noise
from orchestrator.types import Hit
from tests.nodes.rerank.asking import STRATEGIES, Babbler, Stalling, hits, judge, reranked
from tests.quick_selection import examples

BY_MODEL = [name for name in STRATEGIES if name not in ("embedding", "e2rank")]


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_perfect_judge_brings_the_best_to_the_top(strategy):
    size = 30
    result = await reranked(
        judge(size), hits(size), strategy=strategy, keep=5, weight=1.0, group=30, repeats=1
    )
    top = [int(name) for name in result.output.ids]
    # Grades are told in steps of a tenth by some, so that near ones are alike to them.
    assert len(top) == 5
    assert min(top) >= size - 8
    if strategy in ("pairwise", "pairwise_all", "pairwise_sliding", "setwise", "cross_encoder", "full"):
        assert top == [29, 28, 27, 26, 25]


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("size", [0, 1, 2, 11, 25, 27])
async def test_the_result_is_a_permutation_of_the_input(strategy, size):
    found = hits(size)
    result = await reranked(judge(max(1, size), Noise(random=0.3)), found, strategy=strategy, keep=100)
    assert sorted(result.output.ids) == sorted(found.ids)


OUTPUTS = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.lists(st.integers(-5, 200)).map(str),
        st.dictionaries(st.integers(-5, 40).map(str), st.one_of(st.floats(), st.text(max_size=3))).map(str),
        st.sampled_from(
            [
                "",
                "[3] > [1]",
                '{"1": 11}',
                "```json\n[1, 2]\n```",
                "<think>[1]</think>",
                "[" * 5000,
                "1" * 5000,
                "null",
            ]
        ),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_output_of_a_model_loses_or_invents_a_passage(strategy):
    @settings(max_examples=examples(15), deadline=None)
    @given(OUTPUTS, st.integers(2, 45), st.integers(0, 3))
    def holds(outputs, size, seed):
        found = hits(size, seed)
        result = asyncio.run(reranked(Babbler(outputs, seed), found, strategy=strategy, keep=100, group=7))
        assert sorted(result.output.ids) == sorted(found.ids)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", BY_MODEL)
def test_none_of_a_thousand_outputs_loses_or_invents_a_passage(strategy):
    heard = 0

    @settings(max_examples=20, deadline=None)
    @given(OUTPUTS, st.integers(2, 20), st.integers(0, 1000))
    def holds(outputs, size, seed):
        nonlocal heard
        found, babbler = hits(size, seed), Babbler(outputs, seed)

        async def until_all_is_said():
            while babbler.said < 50:
                result = await reranked(
                    babbler, found, strategy=strategy, keep=100, group=6, window=8, step=4
                )
                assert sorted(result.output.ids) == sorted(found.ids)

        asyncio.run(until_all_is_said())
        heard += babbler.said

    holds()
    assert heard >= 1_000


async def test_groupwise_asks_all_groups_in_one_round():
    model = judge(100)
    await reranked(model, hits(100), strategy="groupwise")
    assert (model.calls, model.rounds) == (20, 1)


async def test_sliding_windows_ask_one_after_the_other():
    model = judge(100)
    await reranked(model, hits(100), strategy="listwise")
    assert (model.calls, model.rounds) == (9, 9)


@given(st.integers(1, 300), st.integers(2, 40), st.integers(1, 40))
def test_windows_cover_every_passage(size, window, step):
    covered = {
        number for start, end in windows(size, window, min(step, window)) for number in range(start, end)
    }
    assert covered == set(range(size))


@given(st.lists(st.integers(), unique=True), st.integers(2, 30))
def test_groups_hold_every_passage_once_and_are_even(order, size):
    groups = even_groups(order, size)
    assert [number for group in groups for number in group] == order
    assert len(groups) == -(-len(order) // size)
    assert not groups or max(map(len, groups)) - min(map(len, groups)) <= 1


@given(st.lists(st.integers(-3, 30)), st.integers(0, 20))
def test_any_order_becomes_a_permutation(order, size):
    assert sorted(permutation(order, size)) == list(range(size))


async def test_the_same_seed_gives_the_same_ranking():
    noise = Noise(random=0.2, shift=0.2, malformed=0.2)
    first = await reranked(judge(40, noise), hits(40), strategy="groupwise", seed=7)
    again = await reranked(judge(40, noise), hits(40), strategy="groupwise", seed=7)
    assert first.output == again.output


async def test_passages_of_unreadable_groups_keep_the_retrievers_judgement_and_it_is_said():
    found = hits(30)
    result = await reranked(Babbler(["no"]), found, strategy="groupwise", keep=30)
    assert result.output.ids == found.ids
    assert result.degraded == (
        "Reranked in part: 6 of 6 replies could not be read.",
        "Reranked in part: 30 passages kept the retriever's judgement.",
    )


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_budget_that_runs_out_gives_the_best_so_far(strategy):
    found = hits(40)
    result = await reranked(judge(40), found, Budget(calls=2), strategy=strategy, keep=40)
    assert sorted(result.output.ids) == sorted(found.ids)
    assert result.usage.calls <= 2
    if strategy not in ("full", "cross_encoder"):
        assert any("Reranked in part" in reason for reason in result.degraded), result.degraded


@pytest.mark.slow
@pytest.mark.parametrize("strategy", BY_MODEL)
async def test_a_deadline_gives_the_best_so_far(strategy):
    found = hits(40)
    # As many calls as make a difference in each: a whole group, window, or rank.
    calls = {"full": 0, "cross_encoder": 0, "groupwise": 2, "listwise": 2, "first": 2, "cascade": 8}
    calls |= {"pairwise": 400, "pairwise_all": 1200, "pairwise_sliding": 200, "setwise": 40}
    model = Stalling(judge(40), calls.get(strategy, 20))
    result = await reranked(model, found, Budget(seconds=1.0), strategy=strategy, keep=20, group=5)
    assert len(result.output) == 20
    assert set(result.output.ids) <= set(found.ids)
    assert len(set(result.output.ids)) == len(result.output)
    assert any("budget ran out" in reason for reason in result.degraded), result.degraded
    assert (result.output.ids != found.top(20).ids) is bool(model.calls)


@pytest.mark.slow
async def test_a_stage_of_a_cascade_loses_none_of_the_others_at_a_deadline():
    found = hits(60)
    result = await reranked(
        Stalling(judge(60), 6), found, Budget(seconds=1.0), strategy="cascade", keep=60, group=10
    )
    assert sorted(result.output.ids) == sorted(found.ids)


async def test_a_budget_of_nothing_changes_nothing():
    found = hits(20)
    result = await reranked(judge(20), found, Budget(calls=0), strategy="groupwise", keep=20)
    assert result.output.ids == found.ids


async def test_without_a_model_passages_are_ordered_by_the_embedder_and_it_is_said():
    result = await reranked(NullModel(), hits(10), strategy="groupwise", keep=10)
    assert "No language model" in result.degraded[0]
    by_embedder = await reranked(NullModel(), hits(10), strategy="embedding", keep=10)
    assert result.output.ids == by_embedder.output.ids


async def test_passages_that_may_not_be_read_are_not_shown_and_not_kept():
    found = Hits((Hit("-1", 1.0), *hits(3).hits))
    result = await reranked(judge(3), found, strategy="groupwise", keep=10)
    assert sorted(result.output.ids) == ["0", "1", "2"]


class Failing:
    """A judge that fails on every call in `every`."""

    name, available, scores_texts = "failing", True, False

    def __init__(self, size: int, every: int) -> None:
        self.inner, self.every, self.asked = judge(size), every, 0

    def _turn(self) -> None:
        self.asked += 1
        if self.asked % self.every == 0:
            raise ContextTooLong("too long for this one.")

    async def generate(self, request, *, on_text=None):
        self._turn()
        return await self.inner.generate(request, on_text=on_text)

    async def choose(self, prompt, options):
        self._turn()
        return await self.inner.choose(prompt, options)


@pytest.mark.parametrize("strategy", ["groupwise", "yes_no", "graded", "pairwise_all"])
async def test_one_call_that_fails_does_not_lose_the_others(strategy):
    result = await reranked(Failing(30, 5), hits(30), strategy=strategy, keep=30)
    assert sorted(result.output.ids) == sorted(hits(30).ids)
    assert any("model calls failed (" in reason for reason in result.degraded)
    assert int(result.output.ids[0]) >= 20


@pytest.mark.parametrize("strategy", ["pairwise", "pairwise_all"])
async def test_a_comparison_that_fails_leaves_no_request_behind(strategy):
    class Lopsided(Failing):
        """One order of a pair fails at once, the other takes for ever."""

        waiting = 0

        async def choose(self, prompt, options):
            self.asked += 1
            if self.asked % 2:
                raise ContextTooLong("too long for this one.")
            self.waiting += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.waiting -= 1

    model = Lopsided(4, 1)
    await reranked(model, hits(4), strategy=strategy)
    await asyncio.sleep(0)
    assert model.waiting == 0


@pytest.mark.slow
async def test_a_model_that_is_gone_is_not_asked_thousands_of_times():
    model = Failing(60, 1)
    await reranked(model, hits(60), strategy="pairwise_all")
    assert model.asked <= 2 * (AT_ONCE + GIVEN_UP)
