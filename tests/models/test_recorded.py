"""Answers of a model are recorded, and replay without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.errors import BadInput, ModelError
from orchestrator.graph.run.result import RunResult
from orchestrator.models.null import NullModel
from orchestrator.models.recorded import RecordedModel
from orchestrator.nodes import GenQRFusion
from orchestrator.ports import Documents, Generation, GenerationRequest, LanguageModel, Probabilities, Scores
from orchestrator.types import Message, Usage
from tests.nodes.library import Library

pytestmark = pytest.mark.asyncio

PROMPT = (Message("system", "Be brief."), Message("user", "Zwölf „Wale“?\ud83d"))


class Fruit(BaseModel):
    """What a model is asked for."""

    name: str


class Clerk:
    """A model that answers each call once more than before."""

    name = "clerk"
    available = True
    calls = 0

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.calls += 1
        text = '{"name": "fig"}' if request.schema else f"answer {self.calls}"
        return Generation(text, usage=Usage(1, 7, 3))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        self.calls += 1
        return Probabilities((0.75, 0.25), Usage(1, 5, 1))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        self.calls += 1
        return Scores(tuple(float(len(text)) for text in texts), Usage(1, 4, 0))


async def test_what_was_recorded_replays_without_the_model(tmp_path: Path) -> None:
    model = Clerk()
    for recorded in (RecordedModel(tmp_path / "new" / "a.jsonl", model), None):
        asked = recorded or RecordedModel(tmp_path / "new" / "a.jsonl")
        assert isinstance(asked, LanguageModel)
        heard: list[str] = []
        first = await asked.generate(GenerationRequest(PROMPT), on_text=heard.append)
        assert (first.text, first.usage) == ("answer 1", Usage(1, 7, 3))
        assert (await asked.generate(GenerationRequest(PROMPT, seed=1))).text == "answer 2"
        assert (await asked.choose(PROMPT, ["yes", "no"])).values == (0.75, 0.25)
        assert (await asked.score("q", ["a", "bb"])).values == (1.0, 2.0)
        assert (await asked.generate(GenerationRequest(PROMPT, schema=Fruit))).text == '{"name": "fig"}'
        assert asked.answers == 5
    assert heard == ["answer 1"]
    assert (
        await RecordedModel(tmp_path / "new" / "a.jsonl").generate(GenerationRequest(PROMPT, schema=Fruit))
    ).parsed == Fruit(name="fig")
    assert model.calls == 5


async def test_a_recording_goes_on_and_asks_only_what_is_new(tmp_path: Path) -> None:
    model = Clerk()
    await RecordedModel(tmp_path / "a.jsonl", model).generate(GenerationRequest(PROMPT))
    again = RecordedModel(tmp_path / "a.jsonl", model)
    assert (await again.generate(GenerationRequest(PROMPT))).text == "answer 1"
    assert (await again.generate(GenerationRequest(PROMPT, max_tokens=5))).text == "answer 2"


async def test_an_unknown_prompt_is_an_error_that_says_how_to_record_it(tmp_path: Path) -> None:
    await RecordedModel(tmp_path / "a.jsonl", Clerk()).generate(GenerationRequest(PROMPT))
    replay = RecordedModel(tmp_path / "a.jsonl")
    for call in (
        replay.generate(GenerationRequest(PROMPT, temperature=1.0)),
        replay.choose(PROMPT, ["yes"]),
        replay.score("q", ["a"]),
    ):
        with pytest.raises(ModelError, match="no recorded answer") as refused:
            await call
        assert "RecordedModel(path, model)" in str(refused.value)


async def test_a_torn_last_line_is_forgotten_and_any_other_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    model = Clerk()
    await RecordedModel(path, model).generate(GenerationRequest(PROMPT))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-9])
    recorded = RecordedModel(path, model)
    await recorded.generate(GenerationRequest(PROMPT, seed=5))
    assert RecordedModel(path).answers == 2, "the next line begins where the torn one began"
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(BadInput, match="line 1 is no recorded answer"):
        RecordedModel(path)
    path.write_text(json.dumps({**json.loads(whole), "format": 9}) + "\n" + whole.decode("utf-8", "replace"))
    with pytest.raises(BadInput, match="format 9"):
        RecordedModel(path)


async def test_without_a_file_or_a_model_there_is_nothing_to_replay(tmp_path: Path) -> None:
    for model in (None, NullModel()):
        with pytest.raises(BadInput, match="There is no recording"):
            RecordedModel(tmp_path / "a.jsonl", model)
    with pytest.raises(BadInput, match="cannot be read"):
        RecordedModel(tmp_path)


async def test_two_recorders_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    one, other = (RecordedModel(tmp_path / "a.jsonl", Clerk()) for _ in range(2))
    for seed in range(20):
        await (one if seed % 2 else other).generate(GenerationRequest(PROMPT, seed=seed))
    assert RecordedModel(tmp_path / "a.jsonl").answers == 20


async def test_a_node_replays_with_its_usage_and_counts_what_is_missing(tmp_path: Path) -> None:
    library = Library(tmp_path)

    async def run(model: LanguageModel, instructions: int) -> RunResult:
        ports = {Documents: library.ports()[Documents], LanguageModel: model}
        made = workflow("fusion", GenQRFusion(instructions=instructions))
        return await made.run(Question("whales", ANONYMOUS), ports=ports)

    first = await run(RecordedModel(tmp_path / "a.jsonl", Clerk()), 2)
    again = await run(RecordedModel(tmp_path / "a.jsonl"), 2)
    assert again.output == first.output
    assert again.usage == first.usage == Usage(2, 14, 6)
    more = await run(RecordedModel(tmp_path / "a.jsonl"), 3)
    assert more.output == first.output
    assert "1 of 3 model calls gave nothing" in more.degraded[0]
    assert "no recorded answer" in more.degraded[0]
