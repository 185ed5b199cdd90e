"""What is asked for twice at the same moment is asked once, and nobody's leaving is another's loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import ANONYMOUS, Answer, Budget, Question, node, workflow
from orchestrator.errors import InvalidOutput, ModelError
from orchestrator.models.cached import CachedModel
from orchestrator.ports import (
    Documents,
    Generation,
    GenerationRequest,
    LanguageModel,
    ModelCall,
    Probabilities,
    Scores,
)
from orchestrator.testing.language_model import City
from orchestrator.types import Message, Passage, Usage

PROMPT = (Message("user", "Describe a city."),)
SPENT = Usage(1, 7, 3)


class Held:
    """A model that answers when it is let go, and tells how often it was asked and left."""

    name, available = "held", True

    def __init__(self) -> None:
        self.asked = 0
        self.left = 0
        self.error: ModelError | None = None
        self.gate = asyncio.Event()

    async def _answered(self) -> None:
        self.asked += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        if self.error is not None:
            self.error.spent = SPENT
            raise self.error

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        await self._answered()
        if on_text is not None:
            on_text("Oslo")
        parsed = (
            request.schema.model_validate({"name": "Oslo", "people": self.asked}) if request.schema else None
        )
        return Generation("Oslo", parsed, SPENT)

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        await self._answered()
        return Probabilities((0.5, 0.5), SPENT)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        await self._answered()
        return Scores((1.0,), SPENT)


class Shelf:
    """A cache that remembers which sources it was given."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.sources: list[tuple[str, ...]] = []

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, key: str, value: bytes, *, sources: Sequence[str] = (), **_: Any) -> None:
        self.kept[key] = value
        self.sources.append(tuple(sources))


@pytest.fixture
async def held() -> Held:
    return Held()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def model(held: Held, shelf: Shelf) -> CachedModel:
    return CachedModel(held, shelf)


async def asking(*calls: Any) -> list[asyncio.Task[Any]]:
    """Calls that have come as far as they can."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


async def test_equal_calls_at_one_moment_are_made_once_and_paid_once(model: CachedModel, held: Held) -> None:
    makers: list[Callable[[], Any]] = [
        lambda: model.generate(GenerationRequest(PROMPT)),
        lambda: model.generate(GenerationRequest(PROMPT, schema=City)),
        lambda: model.choose(PROMPT, ["a", "b"]),
        lambda: model.score("q", ["a"]),
    ]
    tasks = await asking(*(make() for make in makers for _ in range(3)))
    assert held.asked == len(makers)
    held.gate.set()
    found = await asyncio.gather(*tasks)
    for first in range(0, len(found), 3):
        assert [each.usage for each in found[first : first + 3]] == [SPENT, Usage(), Usage()]
    cities = [each.parsed for each in found[3:6]]
    assert cities[0] == cities[1] == cities[2]
    assert cities[0] is not cities[1], "nobody changes another's object"
    assert (await model.generate(GenerationRequest(PROMPT))).usage == Usage(), "it is kept"
    assert held.asked == len(makers)


async def test_calls_that_differ_are_made_each(model: CachedModel, held: Held) -> None:
    tasks = await asking(
        model.generate(GenerationRequest(PROMPT)),
        model.generate(GenerationRequest(PROMPT, seed=1)),
        model.generate(GenerationRequest(PROMPT, schema=City)),
        model.for_tenant("a").generate(GenerationRequest(PROMPT)),
        model.for_tenant("b").generate(GenerationRequest(PROMPT)),
    )
    assert held.asked == 5
    held.gate.set()
    assert all(each.usage == SPENT for each in await asyncio.gather(*tasks))


async def test_views_of_a_tenant_join(model: CachedModel, held: Held) -> None:
    views = [model.for_tenant("a").for_call(ModelCall(run)) for run in ("r1", "r2")]
    tasks = await asking(*(view.generate(GenerationRequest(PROMPT)) for view in views))
    assert held.asked == 1
    held.gate.set()
    await asyncio.gather(*tasks)


async def test_what_is_streamed_is_asked_for_itself(model: CachedModel, held: Held) -> None:
    said: list[str] = []
    tasks = await asking(
        model.generate(GenerationRequest(PROMPT)),
        model.generate(GenerationRequest(PROMPT), on_text=said.append),
        model.generate(GenerationRequest(PROMPT)),
    )
    assert held.asked == 2
    held.gate.set()
    assert [each.usage for each in await asyncio.gather(*tasks)] == [SPENT, SPENT, Usage()]
    assert said == ["Oslo"]


@pytest.mark.parametrize("leaves", [0, 1, 2])
async def test_who_leaves_takes_the_answer_from_nobody(model: CachedModel, held: Held, leaves: int) -> None:
    tasks = await asking(*(model.generate(GenerationRequest(PROMPT)) for _ in range(3)))
    tasks[leaves].cancel()
    left = [task for number, task in enumerate(tasks) if number != leaves]
    with pytest.raises(asyncio.CancelledError):
        await tasks[leaves]
    assert (held.asked, held.left) == (1, 0)
    held.gate.set()
    found = await asyncio.gather(*left)
    # The answer is paid all the same, by the first of those who get it.
    assert [each.usage for each in found] == [SPENT, Usage()]


async def test_when_all_have_left_the_request_is_stopped_and_the_next_is_a_new_one(
    model: CachedModel, held: Held, shelf: Shelf
) -> None:
    tasks = await asking(*(model.generate(GenerationRequest(PROMPT)) for _ in range(3)))
    for task in tasks:
        task.cancel()
    assert all(
        isinstance(each, asyncio.CancelledError)
        for each in await asyncio.gather(*tasks, return_exceptions=True)
    )
    assert (held.asked, held.left, shelf.kept) == (1, 1, {})
    held.gate.set()
    assert (await model.generate(GenerationRequest(PROMPT))).usage == SPENT
    assert held.asked == 2


async def test_an_error_is_everybodys_and_paid_once(model: CachedModel, held: Held, shelf: Shelf) -> None:
    held.error = InvalidOutput("no city.", hint="Ask again.")
    held.error.retryable = True
    tasks = await asking(*(model.generate(GenerationRequest(PROMPT)) for _ in range(3)))
    held.gate.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert held.asked == 1
    assert all(isinstance(error, InvalidOutput) and error.retryable for error in errors)
    assert {(error.message, error.hint) for error in errors} == {("no city.", "Ask again.")}
    assert len({id(error) for error in errors}) == 3
    assert [error.spent for error in errors] == [SPENT, None, None]
    held.error = None
    assert (await model.generate(GenerationRequest(PROMPT))).text == "Oslo"
    assert list(shelf.kept) != []


@node
async def described(question: Question, model: LanguageModel) -> Answer:
    """What the model says of a city."""
    return Answer((await model.generate(GenerationRequest([Message("user", question.text)]))).text)


async def test_runs_are_charged_as_when_one_comes_after_the_other(model: CachedModel, held: Held) -> None:
    wf = workflow("w", described)
    ports = {LanguageModel: model}
    runs = [
        wf.run(Question("Which city?", ANONYMOUS), ports=ports, run_id=f"r{n}", budget=Budget(calls=1))
        for n in range(3)
    ]
    tasks = await asking(*runs)
    assert held.asked == 1
    held.gate.set()
    found = await asyncio.gather(*tasks)
    # Each has made its one call; the tokens are the first one's.
    assert [each.usage for each in found] == [SPENT, Usage(calls=1), Usage(calls=1)]


async def test_an_error_names_each_runs_own_run(model: CachedModel, held: Held) -> None:
    held.error = InvalidOutput("no city.")
    wf, other = workflow("w", described), workflow("other", described.within(attempts=1))
    ports = {LanguageModel: model}
    tasks = await asking(
        *(
            each.run(Question("Which city?", ANONYMOUS), ports=ports, run_id=name)
            for each, name in ((wf, "r1"), (other, "r2"))
        )
    )
    held.gate.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert held.asked == 1
    assert [error.run_id for error in errors] == ["r1", "r2"]
    assert [error.spent for error in errors] == [SPENT, Usage(calls=1)]


class Library:
    """Two passages of one text, of which each reader knows one."""

    async def passages(self, ids: Sequence[str], *, principal: Any) -> dict[str, Passage]:
        text = "Oslo lies at the end of a fjord, and has a castle by the water."
        return {one: Passage(one, "d", text) for one in ids}


async def test_an_answer_falls_with_what_any_of_its_askers_had_read(
    model: CachedModel, held: Held, shelf: Shelf
) -> None:
    @node
    async def reads(question: Question, documents: Documents, model: LanguageModel) -> Answer:
        found = await documents.passages([question.text], principal=question.principal)
        return Answer(
            (await model.generate(GenerationRequest([Message("user", found[question.text].text)]))).text
        )

    ports = {LanguageModel: model, Documents: Library()}
    wf = workflow("w", reads)
    tasks = await asking(*(wf.run(Question(one, ANONYMOUS), ports=ports) for one in ("a/1", "b/1")))
    tasks[0].cancel()
    await asking()
    held.gate.set()
    await tasks[1]
    assert held.asked == 1
    assert shelf.sources == [("a/1", "b/1")]


def test_another_event_loop_asks_for_itself(tmp_path: Path) -> None:
    shelf = Shelf()
    held: list[Held] = []

    class PerLoop:
        name, available = "held", True

        async def generate(
            self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
        ) -> Any:
            held.append(Held())
            if len(held) > 1:
                held[-1].gate.set()
            return await held[-1].generate(request, on_text=on_text)

    model = CachedModel(PerLoop(), shelf)  # type: ignore[arg-type]

    async def leaves_it_open() -> None:
        await asking(model.generate(GenerationRequest(PROMPT)))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leaves_it_open())
    try:
        assert asyncio.run(model.generate(GenerationRequest(PROMPT))).usage == SPENT
        assert len(held) == 2
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
