"""A model is allowed to think, what it thinks is passed on, and what is no answer is not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SqlCache, open_database
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Answer, Budget, Question, node, workflow
from orchestrator.errors import ModelError, ModelKeyRefused
from orchestrator.models.cached import CachedModel
from orchestrator.models.client import ClientModel, ClientSettings
from orchestrator.models.recorded import RecordedModel
from orchestrator.models.routed import RoutedModel
from orchestrator.ports import MOST_REASONING, Finish, Generation, GenerationRequest, LanguageModel, Reasoning
from orchestrator.types import Message, Usage

PROMPT = (Message("user", "Which is it?"),)
NO_ANSWERS: tuple[Finish, ...] = ("refused", "filtered", "tool_calls", "no_text", "cancelled")


class Thinker:
    """A model that says what it was told to, and remembers how it was asked."""

    available = True
    name = "thinker"

    def __init__(self, text: str = "B", finish: Finish = "stop", thoughts: str = "A or B? B.") -> None:
        self.made: Generation[Any] = Generation(text, None, Usage(1, 5, 3), finish, thoughts)
        self.asked: list[GenerationRequest] = []

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.asked.append(request)
        return self.made


class Refusing(Thinker):
    """A model that does not take the key."""

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.asked.append(request)
        raise ModelKeyRefused("The key is not accepted.")


def cached(model: Any, path: Path) -> Any:
    return CachedModel(model, SqlCache(open_database(path / "cache.db")))


def recorded(model: Any, path: Path) -> Any:
    return RecordedModel(path / "answers.jsonl", model)


def capped(model: Any, path: Path) -> Any:
    return ClientModel(model, ClientSettings(tokens=100))


def routed(model: Any, path: Path) -> Any:
    return RoutedModel({"one": model}, WordLlamaEmbedder())


WRAPPERS = [cached, recorded, capped, routed]


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_how_a_model_may_think_is_passed_on(wrapper: Any, tmp_path: Path) -> None:
    model = Thinker()
    made = await wrapper(model, tmp_path).generate(GenerationRequest(PROMPT, top_p=0.9, reasoning=200))
    assert made.reasoning == "A or B? B."
    assert (model.asked[0].top_p, model.asked[0].reasoning) == (0.9, 200)


@pytest.mark.parametrize("wrapper", [cached, recorded])
async def test_an_answer_is_found_by_how_it_was_asked_for(wrapper: Any, tmp_path: Path) -> None:
    model = Thinker()
    kept = wrapper(model, tmp_path)
    asked: list[dict[str, Any]] = [{}, {"reasoning": 50}, {"reasoning": "model"}, {"top_p": 0.92}]
    for settings in asked * 2:
        assert (await kept.generate(GenerationRequest(PROMPT, **settings))).reasoning == "A or B? B."
    assert len(model.asked) == 4


@pytest.mark.parametrize("finish", NO_ANSWERS)
@pytest.mark.parametrize("wrapper", [cached, recorded])
async def test_what_is_no_answer_is_not_kept(wrapper: Any, finish: Finish, tmp_path: Path) -> None:
    kept = wrapper(model := Thinker("", finish), tmp_path)
    for _ in range(2):
        assert (await kept.generate(GenerationRequest(PROMPT))).finish == finish
    assert len(model.asked) == 2


def test_a_text_without_a_word_is_no_answer() -> None:
    assert not Generation(" \n").answered
    assert not Generation("", finish="length").answered
    assert Generation("x", finish="length").answered
    assert not Generation("x", finish="filtered").answered


async def test_a_recording_of_before_is_found_by_a_call_with_the_defaults(tmp_path: Path) -> None:
    asked = {
        "generate": [["user", "Which is it?"]],
        "schema": None,
        "max_tokens": 512,
        "temperature": 0.0,
        "seed": 0,
    }
    answer = {"text": "A", "finish": "stop", "model": "thinker", "usage": [1, 5, 3]}
    line = {"format": 2, "asked": asked, "answer": answer}
    (tmp_path / "answers.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    model = RecordedModel(tmp_path / "answers.jsonl")
    assert await model.generate(GenerationRequest(PROMPT)) == Generation("A", None, Usage(1, 5, 3))
    with pytest.raises(ModelError):
        await model.generate(GenerationRequest(PROMPT, reasoning=5))


@pytest.mark.parametrize("bad", [*(Thinker("", finish) for finish in NO_ANSWERS[:-1]), Refusing()])
@pytest.mark.slow
async def test_a_route_without_an_answer_is_passed_over_and_was_paid(bad: Thinker) -> None:
    good = Thinker("B")
    made = await RoutedModel({"bad": bad, "good": good}, WordLlamaEmbedder()).generate(
        GenerationRequest(PROMPT)
    )
    assert (made.text, made.finish) == ("B", "stop")
    if bad.asked and not isinstance(bad, Refusing):
        assert made.usage == Usage(2, 10, 6)


async def test_if_no_route_has_an_answer_the_last_one_says_why() -> None:
    models = {"one": Thinker("", "no_text"), "two": Thinker("", "no_text")}
    made = await RoutedModel(models, WordLlamaEmbedder()).generate(GenerationRequest(PROMPT))
    assert (made.finish, made.usage.calls) == ("no_text", 2)


@pytest.mark.parametrize(
    ("budget", "reasoning", "asked"),
    [
        (None, 200, (40, 200)),
        (None, "model", (40, "model")),
        (1000, 200, (40, 200)),
        (100, 200, (40, 60)),
        (30, 200, (30, 0)),
        (100, "model", (40, 60)),
        (MOST_REASONING + 40, "model", (40, "model")),
    ],
)
async def test_a_budget_counts_thoughts_and_leaves_room_for_the_answer(
    budget: int | None, reasoning: Reasoning, asked: tuple[int, Reasoning]
) -> None:
    model = Thinker()

    @node
    async def ask(question: Question, model: LanguageModel) -> Answer:
        return Answer(
            (await model.generate(GenerationRequest(PROMPT, max_tokens=40, reasoning=reasoning))).text
        )

    flow = workflow("w", ask)
    result = await flow.run(
        Question("?", ANONYMOUS), ports={LanguageModel: model}, budget=Budget(tokens=budget)
    )
    assert result.usage.completion_tokens == 3
    assert (model.asked[0].max_tokens, model.asked[0].reasoning) == asked
