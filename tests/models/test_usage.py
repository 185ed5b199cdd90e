"""What models are paid for answers that cannot be used is counted like everything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.sql import SqlRuns, open_database
from connectors.vllm import Scorer, Servers, VllmModel, addresses
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Answer, Budget, Hits, Question, node, workflow
from orchestrator.errors import InvalidOutput, ModelError, ModelUnreachable, NodeError, NoLogProbabilities
from orchestrator.evaluation import beir, experiment
from orchestrator.models.recorded import RecordedModel
from orchestrator.models.routed import RoutedModel
from orchestrator.ports import GenerationRequest, LanguageModel, Runs
from orchestrator.text.tokens import token_count
from orchestrator.types import Hit, Message, Usage
from tests.evaluation import sets
from tests.services.scripted import Asked, Reply, chunk, completion, scripted, serving, step

PROMPT = (Message("user", "Is it so?"),)
QUESTION = Question("Is it so?", ANONYMOUS)
#: What `completion` says that a reply took.
REPLY = Usage(1, 7, 3)


class Feedback(BaseModel):
    """What is asked for, and never written."""

    so: bool


@node
async def judged(question: Question, model: LanguageModel) -> Answer:
    """Does without a verdict if there is none."""
    try:
        await model.generate(GenerationRequest([Message("user", question.text)], schema=Feedback))
    except ModelError as error:
        return Answer(str(error.spent))
    return Answer("so")


@node
async def again(answer: Answer, model: LanguageModel) -> Answer:
    """One more call, left out when the budget is spent."""
    return Answer((await model.generate(GenerationRequest([Message("user", answer.text)]))).text)


@node
async def broken(answer: Answer) -> Hits:
    """Fails after everything was paid."""
    raise ValueError("broken for now")


def times(usage: Usage, count: int) -> Usage:
    return Usage(usage.calls * count, usage.prompt_tokens * count, usage.completion_tokens * count)


class Serving:
    """A server that answers as it is told, and the model behind it."""

    def __init__(self, chat: Callable[[Asked], Reply], **settings: Any) -> None:
        self._server = scripted(serving(chat))
        self._settings = settings

    async def __aenter__(self) -> VllmModel:
        server = await self._server.__aenter__()
        self._model = VllmModel(Servers(addresses(server.url), key="k", **self._settings))
        return self._model

    async def __aexit__(self, *raised: Any) -> None:  # noqa: PYI036 - handed on
        await self._model.close()
        await self._server.__aexit__(*raised)


def nonsense(_: Asked) -> Reply:
    return Reply(completion("not JSON"))


async def test_replies_that_do_not_fit_their_schema_are_on_the_error() -> None:
    async with Serving(nonsense) as model:
        with pytest.raises(InvalidOutput) as raised:
            await model.generate(GenerationRequest(PROMPT, schema=Feedback))
        assert raised.value.spent == times(REPLY, 3)


async def test_a_server_that_fails_between_two_replies_had_been_paid() -> None:
    replies = [Reply(completion("not JSON")), Reply({"error": "gone"}, 400)]
    async with Serving(lambda _: replies.pop(0)) as model:
        with pytest.raises(ModelError, match="gone") as raised:
            await model.generate(GenerationRequest(PROMPT, schema=Feedback))
        assert raised.value.spent == REPLY


async def test_a_stream_that_breaks_counts_the_pieces_that_came() -> None:
    async with Serving(lambda _: Reply(pieces=[chunk("a"), chunk("b")], cut=True)) as model:
        with pytest.raises(ModelUnreachable) as raised:
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)
        assert raised.value.spent == Usage(0, 0, 2)


async def test_a_streamed_text_counts_as_the_server_says() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    pieces = [chunk("a"), chunk("b"), chunk(finish="stop"), usage, "[DONE]"]
    async with Serving(lambda _: Reply(pieces=pieces)) as model:
        assert (await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)).usage == REPLY


async def test_of_a_server_that_never_says_tokens_are_estimated() -> None:
    pieces = [chunk("a"), chunk("b"), chunk(finish="stop"), "[DONE]"]
    prompt = token_count(PROMPT[0].text) + 4
    async with Serving(lambda _: Reply(pieces=pieces)) as model:
        assert (await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)).usage == Usage(
            1, prompt, 2
        )


async def test_options_that_get_no_probability_had_been_paid() -> None:
    async with Serving(nonsense) as model:
        with pytest.raises(NoLogProbabilities) as raised:
            await model.choose(PROMPT, ["yes", "no"])
        assert raised.value.spent == REPLY

    def chat(asked: Asked) -> Reply:
        if "response_format" in asked.body:
            return Reply(completion('{"label": "by foot"}'))
        return Reply(completion(logprobs=step(("The", -0.1))))

    async with Serving(chat) as model:
        with pytest.raises(InvalidOutput, match="not offered") as raised:
            await model.choose(PROMPT, ["by boat", "by train"])
        assert raised.value.spent == times(REPLY, 2)


async def test_scores_that_are_no_numbers_had_been_paid() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "judge", "owned_by": "vllm"}]})
        rows = [{"index": n, "score": math.nan} for n in range(len(asked.body["text_2"]))]
        return Reply({"data": rows, "usage": {"prompt_tokens": 9}})

    async with scripted(script) as server:
        scorer = Scorer(Servers(addresses(server.url)))
        with pytest.raises(ModelError, match="no numbers") as raised:
            await scorer.score("q", ["a", "b"])
        assert raised.value.spent == Usage(1, 9, 0)
        await scorer.close()


async def test_a_run_counts_replies_that_were_refused_on_its_usage_and_its_budget() -> None:
    async with Serving(nonsense) as model:
        wf = workflow("w", judged >> again)
        ports = {LanguageModel: model}
        result = await wf.run(QUESTION, ports=ports)
        assert result.usage == times(REPLY, 4)
        assert [each.usage for each in result.steps] == [times(REPLY, 3), REPLY]
        # Thirty tokens went to nothing: there are none left for the second node.
        result = await wf.run(QUESTION, ports=ports, budget=Budget(tokens=30))
        assert result.usage == times(REPLY, 3)
        assert result.degraded == ("again: left out, since the budget ran out.",)
        assert result.answer is not None
        assert result.answer.text == "None", "what was counted is counted once"


@pytest.mark.slow
async def test_a_run_that_fails_says_what_it_had_spent_and_counts_on(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'state.db'}")
    runs = SqlRuns(database)
    wf = workflow("w", judged >> broken)
    async with Serving(nonsense) as model:
        ports = {LanguageModel: model, Runs: runs}
        for durability in ("none", "exit", "step"):
            with pytest.raises(NodeError) as raised:
                await wf.run(QUESTION, ports=ports, durability=durability, run_id=durability)
            assert raised.value.spent == times(REPLY, 3)
            record = await runs.read(durability, principal=ANONYMOUS)
            assert record is not None
            assert record.usage == times(REPLY, 3)
        # One begins again, and spends it again; the other is behind it.
        for durability, spent in (("exit", 6), ("step", 3)):
            with pytest.raises(NodeError) as raised:
                await wf.resume(durability, ports=ports, principal=ANONYMOUS)
            assert raised.value.spent == times(REPLY, spent), durability
    database.close()


class Paid:
    """A model that fails, and had been paid."""

    available = True

    def __init__(self, error: type[ModelError] | None = None) -> None:
        self.name = str(error)
        self._error = error

    async def generate(self, request: GenerationRequest, **_: Any) -> Any:
        from orchestrator.ports import Generation

        if self._error is None:
            return Generation("so", usage=REPLY)
        failed = self._error("it does not answer.")
        failed.spent = Usage(2, 20, 5)
        raise failed

    async def choose(self, prompt: Any, options: Any) -> Any:
        raise NotImplementedError

    async def score(self, query: str, texts: Any) -> Any:
        raise NotImplementedError


async def test_a_model_that_is_passed_over_had_been_paid() -> None:
    embedder = WordLlamaEmbedder()
    router = RoutedModel({"one": Paid(ModelUnreachable), "two": Paid()}, embedder)
    assert (await router.generate(GenerationRequest(PROMPT))).usage == Usage(3, 27, 8)
    router = RoutedModel({"one": Paid(ModelUnreachable), "two": Paid(InvalidOutput)}, embedder)
    with pytest.raises(ModelError) as raised:
        await router.generate(GenerationRequest(PROMPT))
    assert raised.value.spent in (Usage(4, 40, 10), Usage(2, 20, 5))


async def test_a_refused_answer_replays_with_what_it_cost(tmp_path: Path) -> None:
    wf = workflow("w", judged)
    async with Serving(nonsense) as model:
        recorded = RecordedModel(tmp_path / "a.jsonl", model)
        first = await wf.run(QUESTION, ports={LanguageModel: recorded})
    again = await wf.run(QUESTION, ports={LanguageModel: RecordedModel(tmp_path / "a.jsonl")})
    assert first.usage == again.usage == times(REPLY, 3)
    with pytest.raises(InvalidOutput, match="no valid Feedback") as raised:
        await RecordedModel(tmp_path / "a.jsonl").generate(GenerationRequest(PROMPT, schema=Feedback))
    assert raised.value.hint
    assert raised.value.spent == times(REPLY, 3)


@node
async def insists(question: Question, model: LanguageModel) -> Hits:
    """Fails without a verdict, on one of the questions alone."""
    if "birds" in question.text:
        await model.generate(GenerationRequest([Message("user", question.text)], schema=Feedback))
    return Hits((Hit("d1", 1.0),))


@node
async def tries(question: Question, model: LanguageModel) -> Hits:
    """Does without a verdict."""
    try:
        await model.generate(GenerationRequest([Message("user", question.text)], schema=Feedback))
    except ModelError:
        return Hits((Hit("d1", 1.0),))
    return Hits()


async def test_an_experiment_counts_what_was_spent_for_nothing(tmp_path: Path) -> None:
    data = beir(sets.write_beir(tmp_path))
    async with Serving(nonsense) as model:
        report = await experiment(
            [workflow("tries", tries), workflow("insists", insists)], data=data, ports={LanguageModel: model}
        )
    assert (report.arms["tries"].calls, report.arms["tries"].tokens) == (3, 30)
    # One query of three failed, after three replies.
    assert len(report.arms["insists"].failures) == 1
    assert (report.arms["insists"].calls, report.arms["insists"].tokens) == (1, 10)
