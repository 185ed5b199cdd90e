"""What a client asks of its answer: where it ends, how it is sampled, how it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from orchestrator import Answer, Question, Run, node, workflow
from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.ports import Finish, Generation, GenerationRequest, LanguageModel, Probabilities, Scores
from orchestrator.serving import Limits
from orchestrator.types import Message, Usage
from tests.serving.asgi import asking, endpoint, events
from tests.serving.flows import CITED

PATH = "/v1/chat/completions"


class Writer:
    """A model that writes words; it fails or hangs after some of them, and keeps what it was asked."""

    name, available = "writer", True

    def __init__(
        self,
        text: str = "one two [1] three [2] four",
        *,
        fails: int = 99,
        hangs: int = 99,
        finish: Finish = "stop",
    ) -> None:
        self.finish: Finish = finish
        self.words = [f"{word} " for word in text.split()]
        self.fails, self.hangs = fails, hangs
        self.asked: list[tuple[GenerationRequest, bool]] = []

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        self.asked.append((request, on_text is not None))
        written: list[str] = []
        for number, word in enumerate(self.words[: request.max_tokens]):
            if on_text and number == self.fails:
                raise ModelUnreachable("The model server went away.")
            if on_text and number == self.hangs:
                await asyncio.sleep(60)
            if on_text:
                on_text(word)
            written.append(word)
        finish = "length" if request.max_tokens < len(self.words) else self.finish
        return Generation("".join(written), usage=Usage(1, 3, len(written)), finish=finish)

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        raise NotImplementedError


@node
async def writes(question: Question, model: LanguageModel, run: Run) -> Answer:
    rewritten = await model.generate(GenerationRequest([Message("user", question.text)]))
    said: list[str] = []

    def show(text: str) -> None:
        said.append(text)
        run.offer(Answer("".join(said), CITED.citations))
        run.emit(text)

    prompt = [Message("system", question.instructions), Message("user", rewritten.text)]
    try:
        await model.generate(GenerationRequest(prompt), on_text=show)
    except ModelError as error:
        run.degrade(f"the answer is cut short: {error.told}")
    return Answer("".join(said), CITED.citations)


@node
async def quotes(question: Question, run: Run) -> Answer:
    text = "Bees dance [1]. A hive has one queen [2]."
    for start in range(0, len(text), 3):
        run.emit(text[start : start + 3])
    return Answer(text, CITED.citations)


FLOWS = [workflow(each.title, each) for each in (writes, quotes)]


async def answered(model: Writer | None, flow: str, **fields: Any) -> tuple[str, str, list[int]]:
    """Text, finish reason and cited numbers, which are the same streamed and whole."""
    ports = {LanguageModel: model} if model else {}
    async with endpoint(FLOWS, ports=ports) as client:
        body = (await client.post(PATH, json=asking(flow, **fields))).json()
        response = await client.post(PATH, json=asking(flow, stream=True, **fields))
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    [choice] = body["choices"]
    message = choice["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == message["content"]
    assert deltas[-1]["annotations"] == message["annotations"]
    assert chunks[-1]["citations"] == body["citations"]
    assert chunks[-1]["choices"][0]["finish_reason"] == choice["finish_reason"]
    for each in (one["url_citation"] for one in message["annotations"]):
        assert message["content"][each["start_index"] : each["end_index"]].startswith("[")
    return message["content"], choice["finish_reason"], [each["n"] for each in body["citations"]]


# -- where it ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "expected", "cited"),
    [
        ("[2]", "Bees dance [1]. A hive has one queen ", [1]),
        (["queen", "dance"], "Bees ", []),
        ("Bees", "", []),
        (["wasp"], "Bees dance [1]. A hive has one queen [2].", [1, 2]),
    ],
)
async def test_a_stop_sequence_ends_the_text_that_is_read(stop: Any, expected: str, cited: list[int]):
    assert await answered(None, "quotes", stop=stop) == (expected, "stop", cited)


async def test_a_stop_sequence_ends_a_model_s_text():
    assert await answered(Writer(), "writes", stop="three") == ("one two [1] ", "stop", [1])


async def test_a_stream_behind_its_stop_sequence_is_kept_alive():
    limits = Limits(durability="none", keep_alive=0.01)

    @node
    async def goes_on(question: Question, run: Run) -> Answer:
        for _ in range(20):
            run.emit("END ")
            await asyncio.sleep(0.005)
        return Answer("END " * 20)

    async with endpoint([workflow("goes_on", goes_on)], limits=limits) as client:
        response = await client.post(PATH, json=asking("goes_on", stream=True, stop="END"))
    assert ": keep-alive" in response.text
    *chunks, _ = events(response.text)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_text_that_no_model_wrote_is_limited_as_well():
    text, finish, cited = await answered(None, "quotes", max_tokens=6)
    assert (text, finish, cited) == ("Bees dance [1].", "length", [1])
    assert (await answered(None, "quotes", max_tokens=100))[1] == "stop"


async def test_a_limit_is_the_model_s_where_one_writes():
    assert await answered(Writer(), "writes", max_tokens=3) == ("one two [1] ", "length", [1, 2])
    assert await answered(Writer(), "writes", max_tokens=6) == (
        "one two [1] three [2] four ",
        "stop",
        [1, 2],
    )


async def test_half_an_answer_does_not_end_as_a_whole_one():
    text, finish, _ = await answered(Writer(fails=2), "writes")
    assert (text, finish) == ("one two ", "length")
    assert (await answered(Writer("", finish="no_text"), "writes"))[:2] == ("", "stop")
    assert (await answered(Writer(finish="filtered"), "writes"))[1] == "content_filter"
    limits = Limits(durability="none", deadline=0.3)
    async with endpoint(FLOWS, ports={LanguageModel: Writer(hangs=2)}, limits=limits) as client:
        body = (await client.post(PATH, json=asking("writes"))).json()
    assert body["choices"][0]["message"]["content"] == "one two "
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["degraded"]


async def test_a_node_that_is_tried_again_may_end_well():
    tries: list[int] = []

    class Recovers(Writer):
        async def generate(
            self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
        ) -> Generation[Any]:
            if on_text is not None:
                tries.append(1)
                self.fails = 2 if len(tries) == 1 else 99
            return await super().generate(request, on_text=on_text)

    @node
    async def writes_again(question: Question, model: LanguageModel, run: Run) -> Answer:
        made = await model.generate(GenerationRequest([Message("user", question.text)]), on_text=run.emit)
        return Answer(made.text)

    async with endpoint(
        [workflow("again", writes_again.within(attempts=2))], ports={LanguageModel: Recovers()}
    ) as client:
        body = (await client.post(PATH, json=asking("again"))).json()
    assert len(tries) == 2
    assert body["choices"][0]["finish_reason"] == "stop"


# -- how it is sampled and written --------------------------------------------------------------


async def test_sampling_and_reasoning_are_for_the_text_that_is_read():
    model = Writer()
    names = ("temperature", "top_p", "seed", "reasoning")
    await answered(model, "writes", temperature=0.7, top_p=0.9, seed=5, reasoning_effort="low")
    asked = [(read, *(getattr(each, name) for name in names)) for each, read in model.asked]
    assert asked == [(False, 0.0, 1.0, 0, 0), (True, 0.7, 0.9, 5, 1_024)] * 2
    model = Writer()
    await answered(model, "writes")
    assert {tuple(getattr(each, name) for name in names) for each, _ in model.asked} == {(0.0, 1.0, 0, 0)}


async def test_system_and_developer_turns_are_the_question_s_instructions():
    model = Writer()
    messages = [
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": "What is it?"},
        {"role": "developer", "content": "Be brief."},
    ]
    async with endpoint(FLOWS, ports={LanguageModel: model}) as client:
        response = await client.post(PATH, json={"model": "writes", "messages": messages})
    assert response.status_code == 200
    assert model.asked[0][0].prompt == (Message("user", "What is it?"),)
    assert model.asked[1][0].prompt[0] == Message("system", "Answer in French.\n\nBe brief.")


async def test_what_is_refused_is_named_in_the_form_of_openai_s_errors():
    async with endpoint(FLOWS) as client:
        response = await client.post(PATH, json=asking("quotes", response_format={"type": "json_object"}))
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "The field response_format is of type 'json_object'; "
        "this model writes text with citations.",
        "type": "invalid_request_error",
        "param": "response_format",
        "code": "unsupported_value",
    }


async def test_instructions_that_are_too_long_are_refused():
    messages = [{"role": "system", "content": "word " * 10_000}, {"role": "user", "content": "What?"}]
    async with endpoint(FLOWS) as client:
        response = await client.post(PATH, json={"model": "quotes", "messages": messages})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "context_length_exceeded")
    assert error["message"].startswith("The instructions")
