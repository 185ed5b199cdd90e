"""The judged sample, and what trials on it recommend."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.errors import NoLogProbabilities
from orchestrator.evaluation.judged_sample import judged_sample
from orchestrator.evaluation.model_abilities import model_abilities
from orchestrator.evaluation.strategy_trials import (
    NONE_FOLLOWED,
    TRIED,
    StrategyTrial,
    recommended,
    strategy_trials,
)
from orchestrator.nodes._strategies import strategy_names
from orchestrator.ports import Generation, GenerationRequest, Probabilities
from orchestrator.testing.judge import Judge, Noise
from orchestrator.types import Usage
from tests.nodes.rerank.asking import Babbler

SAMPLE = judged_sample()


def knowing(noise: Noise | None = None) -> Judge:
    """A judge that knows the sample."""
    grades = {
        each.text: {text: grade / 2 for text, grade in zip(each.passages, each.grades, strict=True)}
        for each in SAMPLE
    }
    return Judge(grades, noise or Noise())


async def tried(model: Any, *names: str) -> list[StrategyTrial]:
    return [trial async for trial in strategy_trials(model, names or TRIED)]


def test_the_sample_has_one_answer_a_question_and_an_order_no_better_than_chance() -> None:
    assert len(SAMPLE) == 8
    for question in SAMPLE:
        assert sorted(question.grades) == [0, 0, 0, 1, 1, 2]
        assert len(set(question.passages)) == 6
    given = sum(question.given for question in SAMPLE)
    chance = sum(question.chance for question in SAMPLE)
    assert 0.8 * chance < given < chance


def test_chance_is_the_mean_over_all_orders() -> None:
    question = SAMPLE[0]
    scores = [question.ndcg(order) for order in itertools.permutations(range(6))]
    assert max(scores) == pytest.approx(1.0)
    assert sum(scores) / len(scores) == pytest.approx(question.chance)


def test_every_strategy_that_is_tried_is_there() -> None:
    assert {*TRIED, NONE_FOLLOWED} <= set(strategy_names("rerank"))


async def test_a_judge_that_knows_follows_each_and_the_cheapest_is_recommended() -> None:
    trials = await tried(knowing())
    assert [trial.strategy for trial in trials] == list(TRIED)
    assert all(trial.follows for trial in trials), [(one.strategy, one.ndcg) for one in trials]
    cheapest = min((one for one in trials if one.ndcg > 0.98), key=lambda one: one.usage.tokens)
    assert recommended(trials) == cheapest.strategy


async def test_a_model_that_repeats_the_order_given_follows_nothing() -> None:
    [trial] = await tried(Babbler(["[1] > [2] > [3] > [4] > [5] > [6]"]), "listwise")
    assert trial.kept == 8
    assert not trial.follows
    assert recommended([trial]) == NONE_FOLLOWED


class Dice:
    """A model whose verdicts have nothing to do with what it reads."""

    name, available = "dice", True

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        return Generation("[2] > [1]", usage=Usage(1, 1, 1))

    async def choose(self, prompt: Any, options: Sequence[str]) -> Probabilities:
        drawn = [self.chance.random() for _ in options]
        return Probabilities(tuple(each / sum(drawn) for each in drawn), Usage(1, 1, 1))

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise NotImplementedError


@pytest.mark.slow
async def test_chance_is_seldom_taken_for_a_judgement() -> None:
    taken = 0
    for seed in range(40):
        [trial] = await tried(Dice(seed), "yes_no")
        taken += trial.follows
    # The interval's lower bound alone would be passed by one in forty.
    assert taken <= 5


class Mute(Dice):
    """A model without log-probabilities."""

    async def choose(self, prompt: Any, options: Sequence[str]) -> Probabilities:
        raise NoLogProbabilities("The server gives no log-probabilities.")

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise AssertionError("A trial is of what the model writes.")


async def test_a_strategy_that_cannot_be_tried_says_why_and_stops_nothing() -> None:
    first, second = await tried(Mute(0), "yes_no", "listwise")
    assert not first.follows
    assert first.kept == 8, "nothing stands in for a model on trial"
    assert "log-probabilities" in " ".join([first.error, *first.degraded])
    assert second.scores
    told = first.json()
    assert told["follows"] is False


async def test_abilities_are_found_by_asking() -> None:
    found = {each.name: each for each in await model_abilities(Mute(0), 4096)}
    assert found["log-probabilities"].there is False
    assert "no log-probabilities" in found["log-probabilities"].detail
    assert found["thinking"].there is False
    assert found["context"].detail == "4,096 tokens."
    assert {each.name: each for each in await model_abilities(Dice(0))}["context"].there is None
