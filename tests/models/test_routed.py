"""A router learns which of several models is better on which prompts, and what each is worth its price."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.wordllama import WordLlamaEmbedder
from orchestrator.errors import BadInput
from orchestrator.models.bandit import PromptBandit
from orchestrator.models.null import NullModel
from orchestrator.models.routed import RoutedModel
from orchestrator.ports import Generation, GenerationRequest
from orchestrator.types import Message, Usage

KERNELS = ("fourier", "rbf", "cubic")


def prompts(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors about two topics that overlap, and the topic of each."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(2, 64))
    topics = rng.integers(0, 2, size)
    vectors = centres[topics] + 0.8 * rng.normal(size=(size, 64))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), topics


#: How likely each model is right on each topic: the first is better on the whole, and not everywhere.
RIGHT = np.array([[0.9, 0.5], [0.4, 0.8]])


def played(bandit: PromptBandit, size: int, seed: int) -> np.ndarray:
    """The probability of being right that each choice had."""
    vectors, topics = prompts(size, seed)
    rng = np.random.default_rng(seed + 1)
    gained = np.empty(size)
    for step, (vector, topic) in enumerate(zip(vectors, topics, strict=True)):
        arm = bandit.choose(vector)
        gained[step] = RIGHT[arm, topic]
        bandit.learn(arm, vector, float(rng.random() < RIGHT[arm, topic]))
    return gained


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("kernel", KERNELS)
def test_it_learns_which_model_is_better_on_which_prompts(kernel: Any) -> None:
    size, seeds = 600, 3
    runs = [played(PromptBandit(2, 64, kernel=kernel, seed=seed), size, seed) for seed in range(seeds)]
    gained = np.mean(runs, axis=0)
    best_single, best = RIGHT.mean(axis=1).max(), RIGHT.max(axis=0).mean()
    # It beats the best single model on the whole, its time of learning included.
    assert gained.mean() > best_single + 0.05
    assert gained[-200:].mean() > best - 0.06
    # Regret grows ever more slowly.
    regret = np.cumsum(best - gained)
    assert regret[-1] - regret[-200] < 0.6 * (regret[200] - regret[0])


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_model_that_costs_more_than_it_gains_is_not_asked(kernel: Any) -> None:
    vectors, _ = prompts(300, 5)
    bandit = PromptBandit(2, 64, costs=(0.3, 0.0), kernel=kernel)
    rng = np.random.default_rng(0)
    chosen = []
    for vector in vectors:
        arm = bandit.choose(vector)
        chosen.append(arm)
        bandit.learn(arm, vector, float(rng.random() < (0.8, 0.7)[arm]))
    assert np.mean(chosen[-100:]) > 0.95


def test_what_is_not_known_is_tried_and_what_is_known_is_certain() -> None:
    vectors, _ = prompts(60, 0)
    for kernel in KERNELS:
        bandit = PromptBandit(2, 64, kernel=kernel)
        before = bandit.estimates(vectors[0])[0].deviation
        for vector in vectors:
            bandit.learn(0, vector, 0.5)
        known, unknown = bandit.estimates(vectors[0])
        assert known.deviation < before
        assert unknown.deviation == pytest.approx(before)
        assert 0.2 < known.mean < 0.6
        keen = PromptBandit(2, 64, kernel=kernel, exploration=2.0)
        for vector in vectors:
            keen.learn(0, vector, 0.5)
        assert keen.choose(vectors[0]) == 1


def test_the_inverse_that_grows_is_the_inverse() -> None:
    """One row at a time gives what solving the whole system gives."""
    vectors, _ = prompts(50, 3)
    scores = np.random.default_rng(0).random(50)
    bandit = PromptBandit(1, 64, kernel="rbf", width=0.7, ridge=0.5)
    for vector, score in zip(vectors, scores, strict=True):
        bandit.learn(0, vector, score)
    new = prompts(1, 8)[0][0]
    gram = np.exp(-((vectors[:, None] - vectors[None]) ** 2).sum(-1) / (2 * 0.7**2))
    near = np.exp(-((vectors - new) ** 2).sum(-1) / (2 * 0.7**2))
    solved = np.linalg.solve(gram + 0.5 * np.eye(50), near)
    (estimate,) = bandit.estimates(new)
    assert estimate.mean == pytest.approx(solved @ scores)
    assert estimate.deviation == pytest.approx(np.sqrt((1 - solved @ near) / 0.5))


@pytest.mark.slow
def test_features_approach_their_kernel() -> None:
    vectors, _ = prompts(40, 3)
    scores = np.random.default_rng(0).random(40)
    exact = PromptBandit(1, 64, kernel="rbf", width=0.7)
    close = PromptBandit(1, 64, kernel="fourier", features=2048, width=0.7)
    for vector, score in zip(vectors, scores, strict=True):
        exact.learn(0, vector, score)
        close.learn(0, vector, score)
    for vector in prompts(5, 9)[0]:
        (one,), (other,) = exact.estimates(vector), close.estimates(vector)
        assert other.mean == pytest.approx(one.mean, abs=0.1)
        assert other.deviation == pytest.approx(one.deviation, abs=0.1)


def test_with_a_kernel_the_oldest_prompts_are_forgotten() -> None:
    vectors, _ = prompts(90, 1)
    bandit = PromptBandit(1, 64, kernel="rbf", memory=40)
    fresh = PromptBandit(1, 64, kernel="rbf", memory=400)
    for vector in vectors[:82]:
        bandit.learn(0, vector, 1.0)
    # Whenever there are more than forty, the thirty newest stay: here those from the fifty-second on.
    for vector in vectors[82 - (30 + (82 - 41) % 11) : 82]:
        fresh.learn(0, vector, 1.0)
    (one,), (other,) = bandit.estimates(vectors[85]), fresh.estimates(vectors[85])
    assert one.mean == pytest.approx(other.mean)


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_was_learned_can_be_saved_and_goes_on(kernel: Any, tmp_path: Path) -> None:
    vectors, _ = prompts(40, 3)
    bandit = PromptBandit(3, 64, kernel=kernel, costs=(0.0, 0.1, 0.2), seed=4)
    for number, vector in enumerate(vectors[:30]):
        bandit.learn(number % 2, vector, number / 30)
    bandit.save(tmp_path / "bandit.npz")
    again = PromptBandit.load(tmp_path / "bandit.npz")
    for one in (bandit, again):
        one.learn(2, vectors[30], 0.5)
    for vector in vectors[31:]:
        assert again.choose(vector) == bandit.choose(vector)
        for one, other in zip(bandit.estimates(vector), again.estimates(vector), strict=True):
            assert (other.mean, other.deviation) == pytest.approx((one.mean, one.deviation))


def test_a_file_that_is_no_bandit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no archive")
    for name in ("x.npz", "absent.npz"):
        with pytest.raises(BadInput, match="no saved bandit"):
            PromptBandit.load(tmp_path / name)


class Speaker:
    """A model that says its name, and counts."""

    available = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.asked += 1
        return Generation(self.name, usage=Usage(1, 1, 1))


CODE = ["Write a Python function that sorts a list.", "Fix this loop in C.", "What does this regex match?"]
VERSE = ["Write a poem about the sea.", "A haiku on autumn leaves.", "Rhyme on my grandmother's garden."]


def turns(text: str) -> list[Message]:
    return [Message("system", "Help."), Message("user", text)]


async def test_prompts_go_to_the_model_that_was_judged_better_on_their_like() -> None:
    coder, poet = Speaker("coder"), Speaker("poet")
    router = RoutedModel({"coder": coder, "poet": poet}, WordLlamaEmbedder())
    for turn in range(20):
        for kind, texts in (("coder", CODE), ("poet", VERSE)):
            prompt = turns(texts[turn % 3])
            answer = await router.generate(GenerationRequest(prompt))
            assert router.chosen(prompt) == answer.text
            router.feedback(prompt, 1.0 if answer.text == kind else 0.0)
    assert (
        await router.generate(GenerationRequest(turns("Write a JavaScript function that sorts numbers.")))
    ).text == "coder"
    assert (await router.generate(GenerationRequest(turns("A poem about autumn by the sea.")))).text == "poet"


async def test_an_answer_can_be_judged_at_once() -> None:
    good, bad = Speaker("good"), Speaker("bad")

    def judged(prompt: Sequence[Message], made: Generation[Any]) -> float:
        return float(made.text == "good")

    router = RoutedModel({"bad": bad, "good": good}, WordLlamaEmbedder(), judge=judged)
    for text in (CODE + VERSE) * 10:
        await router.generate(GenerationRequest(turns(text)))
    assert good.asked > 2 * bad.asked > 0


async def test_feedback_on_what_was_not_asked_and_scores_out_of_range_are_refused() -> None:
    router = RoutedModel({"a": Speaker("a"), "b": Speaker("b")}, WordLlamaEmbedder())
    with pytest.raises(BadInput, match="not asked"):
        router.feedback(turns("x"), 1.0)
    await router.generate(GenerationRequest(turns("x")))
    with pytest.raises(BadInput, match="from 0 to 1"):
        router.feedback(turns("x"), 7.0)


def test_models_that_are_not_available_are_left_out() -> None:
    router = RoutedModel({"none": NullModel(), "a": Speaker("a")}, WordLlamaEmbedder())
    assert router.name == "a"
    with pytest.raises(BadInput, match="no model"):
        RoutedModel({"none": NullModel()}, WordLlamaEmbedder())
    with pytest.raises(BadInput, match="arms"):
        RoutedModel({"a": Speaker("a")}, WordLlamaEmbedder(), bandit=PromptBandit(2, 256))


async def test_tenants_share_what_was_learned() -> None:
    router = RoutedModel({"a": Speaker("a"), "b": Speaker("b")}, WordLlamaEmbedder())
    view = router.for_tenant("x")
    await view.generate(GenerationRequest(turns("x")))
    assert router.chosen(turns("x")) in ("a", "b")
    router.feedback(turns("x"), 1.0)


async def test_the_same_prompt_asked_twice_at_once_is_judged_twice() -> None:
    class Slow(Speaker):
        async def generate(
            self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
        ) -> Generation[Any]:
            await asyncio.sleep(0.02)
            return await super().generate(request, on_text=on_text)

    models = {"a": Slow("a"), "b": Slow("b")}
    router = RoutedModel(models, WordLlamaEmbedder(), judge=lambda prompt, made: 1.0)
    await asyncio.gather(*(router.generate(GenerationRequest(turns("x"))) for _ in range(8)))
    (vector,) = await WordLlamaEmbedder().embed(["x"], kind="query")
    assert max(estimate.mean for estimate in router.bandit.estimates(vector)) > 0.7
