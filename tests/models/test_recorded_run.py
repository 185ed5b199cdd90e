"""A run that was recorded is replayed without its model, to the last character."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.replay_answer import Quoting
from orchestrator import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import BadInput, ModelUnreachable
from orchestrator.indexing.indexer import Indexer
from orchestrator.models.recorded import RecordedModel
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.serving.wire.errors import public
from orchestrator.settings import Settings
from orchestrator.testing.language_model import City, LanguageModelConformance
from tests.models.test_cached import PROMPT, Counting


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home", embedder="light")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bees.md").write_text("# Bees\n\nBees dance. A hive has one queen. Bees sleep.\n")
    async with Application(made) as application:
        await Indexer(indexing_context(application.container), settings=None).add(tmp_path / "notes")
    return made


class TestRecordedModel(LanguageModelConformance):
    """What is recorded behaves as the model does, the first time and when it is asked again."""

    @pytest.fixture
    def model(self, tmp_path: Path) -> LanguageModel:
        return RecordedModel(tmp_path / "answers.jsonl", Counting())


async def test_an_object_is_replayed_though_its_text_held_more(tmp_path: Path) -> None:
    first = await RecordedModel(tmp_path / "a.jsonl", Counting()).generate(
        GenerationRequest(PROMPT, schema=City)
    )
    again = await RecordedModel(tmp_path / "a.jsonl").generate(GenerationRequest(PROMPT, schema=City))
    assert first.text.startswith("Here: ")
    assert (again.parsed, again.text, again.usage) == (first.parsed, first.text, first.usage)


async def test_a_recorded_run_is_replayed_as_it_was(settings: Settings, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    async with Application(settings, model=Quoting(), record=recording) as live:
        first = await live.run("chat", "How many queens has a hive?")
    async with Application(settings, replay=recording) as offline:
        again = await offline.run("chat", "How many queens has a hive?")
        other = await offline.run("chat", "Do bees sleep?")
    assert first.answer is not None
    assert first.answer.text.endswith("[1].")
    assert (again.answer, again.usage, again.degraded) == (first.answer, first.usage, first.degraded)
    assert any("no recorded answer" in reason for reason in other.degraded)


@pytest.mark.slow
async def test_answers_are_kept_where_the_settings_say_so(settings: Settings) -> None:
    class Once(Quoting):
        asked = 0

        async def generate(self, *prompt, **told):
            Once.asked += 1
            return await super().generate(*prompt, **told)

    kept = settings.model_copy(update={"llm_cache": True})
    for expected in (1, 1):
        async with Application(kept, model=Once()) as application:
            result = await application.run("chat", "How many queens has a hive?")
        assert Once.asked == expected
        assert result.answer is not None
        assert "[1]" in result.answer.text


@pytest.mark.slow
async def test_who_asks_is_not_told_where_the_model_server_is(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    down = settings.model_copy(update={"llm_url": ("http://127.0.0.1:9",), "llm_model": "m"})
    async with Application(down) as application:
        result = await application.run("chat", "How many queens has a hive?")
        with pytest.raises(ModelUnreachable) as raised:
            await application.container.get(LanguageModel).generate(GenerationRequest(PROMPT))
    assert result.answer is not None
    assert "[1]" in result.answer.text
    reasons = " ".join(result.degraded)
    assert "The model server cannot be reached" in reasons
    assert "127.0.0.1" not in reasons
    assert "127.0.0.1" not in str(public(raised.value))
    assert public(raised.value).status == 503
    # The operator is told.
    assert "http://127.0.0.1:9" in caplog.text


def test_recording_and_replaying_at_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not both"):
        Application(record=tmp_path / "a", replay=tmp_path / "b")


def test_there_must_be_a_model_to_record_and_a_recording_to_replay(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(BadInput, match="no model to record"):
        Application(settings, record=tmp_path / "a").container.get(LanguageModel)
    with pytest.raises(BadInput, match="There is no recording"):
        Application(settings, replay=tmp_path / "a").container.get(LanguageModel)


async def test_a_recording_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    model = RecordedModel(tmp_path / "file" / "answers.jsonl", Counting())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"answers.jsonl cannot be written"):
        await model.generate(GenerationRequest(PROMPT))
