"""Answers and reports of a real small model: cited, streamed, left half-way, recorded and replayed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from orchestrator import Answer, Application, Budget, Finished, Hits, Text, workflow
from orchestrator.graph.run.events import Restarted
from orchestrator.models.recorded import RecordedModel
from orchestrator.nodes import (
    CitedAnswer,
    CitedReport,
    Compress,
    Cover,
    Explore,
    GenQRFusion,
    Rerank,
    Retrieve,
    SearchFacets,
)
from orchestrator.ports import Documents, GenerationRequest, LanguageModel
from orchestrator.settings import Settings
from orchestrator.testing.language_model import LONG
from tests.services.llama import LlamaServer

pytestmark = [pytest.mark.llm, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "Why do sea otters hold each other while they sleep?"
ANSWER = workflow(
    "answered", Retrieve(k=2) >> Compress(tokens=90) >> CitedAnswer(max_tokens=60), outputs=(Hits,)
)
REPORT = workflow(
    "report",
    Retrieve(k=3)
    >> Explore(at_most=2, max_tokens=60)
    >> SearchFacets(search=Retrieve(k=3), overlap=0.0)
    >> Cover(k=3)
    >> CitedReport(passages=3, per_section=1, tokens=60, max_tokens=40),
    outputs=(Hits,),
)
EVERYTHING = workflow(
    "everything",
    GenQRFusion(instructions=1, max_tokens=16)
    >> Retrieve(k=2, fusion="rrf")
    >> Rerank(strategy="yes_no", keep=2, tokens=60)
    >> Compress(tokens=80)
    >> CitedAnswer(max_tokens=40),
)


async def is_sound(answer: Answer, hits: Hits, application: Application) -> None:
    """Assert what every answer promises."""
    assert answer.text.strip()
    assert {citation.id for citation in answer.citations} <= set(hits.ids)
    numbers = {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)}
    assert numbers == {citation.n for citation in answer.citations}
    passages = await application.container.get(Documents).passages(
        answer.passages, principal=application.settings.principal
    )
    assert set(passages) == set(answer.passages)


@pytest.mark.parametrize("flow", [ANSWER, REPORT], ids=["answer", "report"])
async def test_what_is_cited_was_found_and_what_is_streamed_is_the_text(
    flow, application: Application
) -> None:
    streamed: list[str] = []
    result = None
    async for event in application.stream(flow, QUESTION):
        if isinstance(event, Text):
            streamed.append(event.text)
        elif isinstance(event, Restarted):
            streamed.clear()
        elif isinstance(event, Finished):
            result = event.result
    assert result is not None
    hits = result.get(Hits)
    assert isinstance(result.output, Answer)
    assert hits is not None
    await is_sound(result.output, hits, application)
    assert "".join(streamed) == result.output.text
    assert result.usage.completion_tokens > 0
    assert not any("no language model" in reason for reason in result.degraded)


async def test_an_answer_that_reaches_its_limit_says_so(application: Application) -> None:
    short = workflow("short", Retrieve(k=1) >> Compress(tokens=60) >> CitedAnswer(max_tokens=3))
    result = await application.run(short, QUESTION)
    assert any("limit of 3 tokens" in reason for reason in result.degraded), result.degraded


async def test_a_budget_of_tokens_ends_a_run_and_says_so(application: Application) -> None:
    result = await application.run(ANSWER, QUESTION, budget=Budget(tokens=20))
    assert result.output.text.strip()
    assert any("budget" in reason or "tokens" in reason for reason in result.degraded), result.degraded


async def test_a_cancelled_run_stops_the_request_at_the_server(
    application: Application, llama: LlamaServer
) -> None:
    heard = asyncio.Event()
    model = application.container.get(LanguageModel)
    call = asyncio.create_task(
        model.generate(GenerationRequest(LONG, max_tokens=3000), on_text=lambda _: heard.set())
    )
    await asyncio.wait_for(heard.wait(), 120)
    assert await asyncio.to_thread(lambda: llama.running) == 1
    call.cancel()
    await asyncio.wait({call})
    async with asyncio.timeout(30):
        while await asyncio.to_thread(lambda: llama.running):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)


async def test_what_was_recorded_replays_the_same_without_the_server(
    settings: Settings, application: Application, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    recorded = RecordedModel(file, application.container.base(LanguageModel))
    async with Application(settings, model=recorded) as recording:
        first = await recording.run(EVERYTHING, QUESTION)
    alone = settings.model_copy(update={"llm_url": ()})
    async with Application(alone, model=RecordedModel(file)) as replaying:
        again = await replaying.run(EVERYTHING, QUESTION)
    assert (again.output.text, again.output.citations) == (first.output.text, first.output.citations)
    assert again.degraded == first.degraded
    assert again.usage == first.usage
