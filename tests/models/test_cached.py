"""Answers of a model that are kept: found again by what was asked, by who asked, and for a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SqlCache, open_database
from orchestrator import Answer, Question, node, workflow
from orchestrator.errors import StoreError
from orchestrator.models.cached import CachedModel
from orchestrator.ports import (
    Generation,
    GenerationRequest,
    LanguageModel,
    Probabilities,
    Scores,
    for_tenant,
)
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.language_model import City, LanguageModelConformance
from orchestrator.types import Message, Principal, Usage

PROMPT = (Message("system", "Be brief."), Message("user", "Why? \ud83d\ude80 \ud800"))


class Counting:
    """A model whose answers tell how often it was asked, and for whom."""

    available = True

    def __init__(self, name: str = "counting", tenant: str = "nobody") -> None:
        self.name = name
        self.tenant = tenant
        self.asked = [0]

    def for_tenant(self, tenant: str) -> Counting:
        view = Counting(self.name, tenant)
        view.asked = self.asked
        return view

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        self.asked[0] += 1
        if request.schema is not None:
            from orchestrator.errors import InvalidOutput

            if request.max_tokens < 8:
                raise InvalidOutput("too short.")
            parsed = request.schema.model_validate({"name": "Oslo", "people": self.asked[0]})
            return Generation(f"Here: {parsed.model_dump_json()}", parsed, Usage(1, 5, 9))
        text = "one two" if request.max_tokens > 1 else "one"
        if on_text is not None:
            for piece in ("one ", "two") if request.max_tokens > 1 else ("one",):
                on_text(piece)
        return Generation(text, None, Usage(1, 5, 2), "stop" if request.max_tokens > 1 else "length")

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        from orchestrator.errors import BadInput

        if len(set(options)) < len(options):
            raise BadInput("twice the same.")
        self.asked[0] += 1
        return Probabilities(tuple(1 / len(options) for _ in options), Usage(1, 5, 1))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        self.asked[0] += 1
        return Scores(tuple(float(len(text)) for text in texts), Usage(1, 5, 0))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cache(tmp_path: Path, clock: ManualClock) -> Generator[SqlCache]:
    database = open_database(tmp_path / "state.db")
    yield SqlCache(database, clock)
    database.close()


class TestCachedModel(LanguageModelConformance):
    """What is cached behaves as a model does, as long as nothing is found."""

    @pytest.fixture
    def model(self) -> LanguageModel:
        class Nothing:
            async def get(self, key: str) -> bytes | None:
                return None

            async def put(self, key: str, value: bytes, **_: Any) -> None:
                pass

        return CachedModel(Counting(), Nothing())


async def test_the_same_is_asked_once_and_costs_nothing_again(cache: SqlCache) -> None:
    inner = Counting()
    model = CachedModel(inner, cache)
    first = [
        await model.generate(GenerationRequest(PROMPT)),
        await model.generate(GenerationRequest(PROMPT, schema=City)),
        await model.choose(PROMPT, ["a", "b"]),
        await model.score("q", ["x", "yy"]),
    ]
    assert inner.asked == [4]
    again = [
        await model.generate(GenerationRequest(PROMPT)),
        await model.generate(GenerationRequest(PROMPT, schema=City)),
        await model.choose(PROMPT, ["a", "b"]),
        await model.score("q", ["x", "yy"]),
    ]
    assert inner.asked == [4]
    assert again[1].parsed == first[1].parsed == City(name="Oslo", people=2)
    assert [(one.text, one.finish) for one in again[:2]] == [(one.text, one.finish) for one in first[:2]]
    assert [one.values for one in again[2:]] == [one.values for one in first[2:]]
    assert all(one.usage == Usage() for one in again)


async def test_a_kept_text_is_streamed(cache: SqlCache) -> None:
    model = CachedModel(Counting(), cache)
    said: list[str] = []
    await model.generate(GenerationRequest(PROMPT), on_text=said.append)
    assert said == ["one ", "two"]
    said.clear()
    await model.generate(GenerationRequest(PROMPT), on_text=said.append)
    assert said == ["one two"]


async def test_whatever_an_answer_depends_on_is_part_of_what_is_looked_up(cache: SqlCache) -> None:
    inner = Counting()
    model = CachedModel(inner, cache)
    await model.generate(GenerationRequest(PROMPT))
    for settings in ({"seed": 1}, {"temperature": 0.5}, {"max_tokens": 3}, {"schema": City}):
        before = inner.asked[0]
        await model.generate(GenerationRequest(PROMPT, **settings))
        assert inner.asked[0] == before + 1, settings
    await model.generate(GenerationRequest((*PROMPT, Message("user", "And?"))))
    await model.choose(PROMPT, ["a", "b"])
    await model.choose(PROMPT, ["b", "a"])
    await CachedModel(Counting("another"), cache).generate(GenerationRequest(PROMPT))
    assert inner.asked[0] == 8


async def test_an_answer_falls_with_its_time(cache: SqlCache, clock: ManualClock) -> None:
    inner = Counting()
    model = CachedModel(inner, cache, seconds=10)
    await model.generate(GenerationRequest(PROMPT))
    clock.advance(9)
    await model.generate(GenerationRequest(PROMPT))
    assert inner.asked == [1]
    clock.advance(1)
    await model.generate(GenerationRequest(PROMPT))
    assert inner.asked == [2]


@node
async def told(question: Question, model: LanguageModel) -> Answer:
    return Answer((await model.generate(GenerationRequest([Message("user", question.text)]))).text)


async def test_tenants_do_not_see_each_others_answers_in_a_run(cache: SqlCache) -> None:
    wf = workflow("told", told)
    inner = Counting()
    ports = {LanguageModel: CachedModel(inner, cache)}
    for tenant, expected in (("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 2)):
        result = await wf.run(Question("why?", Principal(tenant, frozenset({"public"}), "x")), ports=ports)
        assert result.usage.calls == 1
        assert inner.asked == [expected]


def test_a_model_that_knows_no_tenants_is_its_own_view() -> None:
    from orchestrator.models.null import NullModel

    model = NullModel()
    assert for_tenant(model, "a") is model


async def test_a_cache_that_is_ill_is_done_without() -> None:
    class Ill:
        async def get(self, key: str) -> bytes | None:
            raise StoreError("locked.")

        async def put(self, key: str, value: bytes, **_: Any) -> None:
            raise StoreError("locked.")

    model = CachedModel(Counting(), Ill())
    assert (await model.generate(GenerationRequest(PROMPT))).text == "one two"


async def test_an_object_that_was_not_made_is_asked_for_again(cache: SqlCache) -> None:
    class Wordless(Counting):
        """It takes a schema, and gives the text alone."""

        async def generate(
            self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
        ) -> Any:
            return await super().generate(replace(request, schema=None), on_text=on_text)

    inner = Wordless()
    model = CachedModel(inner, cache)
    for _ in range(2):
        assert (await model.generate(GenerationRequest(PROMPT, schema=City))).parsed is None
    assert inner.asked == [2]
