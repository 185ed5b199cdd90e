"""What an application runs: any workflow, with any inputs, streamed and resumed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from orchestrator import Answer, Application, Finished, NodeFinished, Principal, Question, Run, node, workflow
from orchestrator.application.rankers import editions_of
from orchestrator.errors import BadInput, NodeError, RunNotFound, SettingsError
from orchestrator.ports import Runs
from orchestrator.recommendation.editions.training import train
from orchestrator.settings import Settings
from orchestrator.testing.shop import made_up_log
from orchestrator.types import History, Slate

ALICE = Principal("acme", frozenset({"public"}), "alice")
FLOW = """
from orchestrator import Answer, Question, Run, node, workflow

@node
async def first(question: Question) -> int:
    return len(question.text)

@node
async def second(length: int, run: Run) -> Answer:
    if not open("ready").read():
        raise OSError("not ready")
    return Answer(str(length))

halting = workflow("halting", first >> second)
"""


@node
async def whose(question: Question, run: Run) -> Answer:
    return Answer(f"{question.text} asked by {question.principal.name}")


asking = workflow("asking", whose)


@node
async def counted(history: History) -> Answer:
    return Answer(str(len(history.items)))


counting = workflow("counting", counted, inputs=(History,))


@pytest.fixture
async def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Application]:
    monkeypatch.chdir(tmp_path)
    async with Application(Settings(home=tmp_path / "home", principal=ALICE)) as made:
        yield made


async def test_text_is_asked_by_the_principal_of_the_settings(application: Application) -> None:
    assert (await application.run(asking, "Who?")).output.text == "Who? asked by alice"
    other = Principal(name="other")
    assert (await application.run(asking, "Who?", principal=other)).output.text == "Who? asked by other"
    assert (await application.run(asking, Question("Who?", other))).output.text == "Who? asked by other"


async def test_a_run_without_a_question_is_the_principals_too(application: Application) -> None:
    result = await application.run(counting, History("", ("a", "b")), durability="exit")
    assert result.output.text == "2"
    record = await application.container.get(Runs).read(result.run_id, principal=ALICE)
    assert record is not None


async def test_events_are_streamed(application: Application) -> None:
    events = [each async for each in application.stream(asking, "Who?")]
    assert [each.path for each in events if isinstance(each, NodeFinished)] == ["whose"]
    assert isinstance(events[-1], Finished)
    assert events[-1].result.output.text == "Who? asked by alice"


@pytest.mark.slow
async def test_a_workflow_of_items_takes_a_question_and_a_history(application: Application) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
    train(made_up_log(), editions_of(application.container), rankers=("popularity",))
    reader = Principal(grants=frozenset({"public"}), name="reader")
    result = await application.run("recommend", "soap", History("user-0003"), principal=reader)
    assert isinstance(result.output, Slate)
    assert len(result.output) > 0


@pytest.mark.slow
async def test_a_run_is_resumed_by_its_id_alone(application: Application, tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "halting.py").write_text(FLOW)
    (tmp_path / "ready").write_text("")
    with pytest.raises(NodeError, match="not ready") as failed:
        await application.run("halting", "Who?", durability="step")
    run_id = failed.value.run_id
    assert run_id is not None
    (tmp_path / "ready").write_text("yes")
    with pytest.raises(RunNotFound):
        await application.resume(run_id, principal=Principal(name="eve"))
    result = await application.resume(run_id)
    assert result.output.text == "4"


async def test_an_unknown_run_is_said(application: Application) -> None:
    with pytest.raises(RunNotFound, match="no run 'nothing' of alice"):
        await application.resume("nothing")


async def test_jobs_are_those_of_the_ledger(application: Application) -> None:
    assert application.jobs.list() == []


def test_recording_and_replaying_at_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="recorded or replayed"):
        Application(Settings(home=tmp_path), record="a", replay="b")


def test_an_index_that_cannot_be_one_is_refused(application: Application) -> None:
    with pytest.raises(SettingsError, match="The index name"):
        application.ports("../up")
