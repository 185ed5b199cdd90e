"""Several models in the settings: each answer is asked of one, and what readers think of it is learned."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.sql import SqlFeedback, SqlRuns, open_database
from orchestrator import Answer, Application, Question, Run, node, workflow
from orchestrator.errors import BadInput, ModelUnreachable, RunNotFound, SettingsError
from orchestrator.models.bandit import PromptBandit
from orchestrator.models.feedback import LOOK, SharedBandit
from orchestrator.ports import Embedder, FeedbackStore, GenerationRequest, LanguageModel, Runs
from orchestrator.serving import Limits
from orchestrator.settings import Settings
from orchestrator.testing.clock import ManualClock
from orchestrator.types import Message, Principal
from tests.services.scripted import Asked, Reply, Scripted, chunk, completion, scripted, serving
from tests.serving.asgi import asking, endpoint

pytestmark = pytest.mark.slow

CODE = ["Sort a list in Python.", "Fix this loop in C.", "What does this regex match?"]
VERSE = ["Write a poem about the sea.", "A haiku on autumn leaves.", "Rhyme on my grandmother's garden."]


@node
async def say(question: Question, model: LanguageModel, run: Run) -> Answer:
    await model.choose([Message("user", question.text)], ["yes"])
    return Answer(
        (await model.generate(GenerationRequest([Message("user", question.text)]), on_text=run.emit)).text
    )


saying = workflow("saying", say)


def speaker(name: str) -> Any:
    """A server of one model, that says its name."""
    return serving(
        lambda asked: (
            Reply(pieces=[chunk(name), chunk(finish="stop"), "[DONE]"])
            if asked.body.get("stream")
            else Reply(completion(name))
        ),
        name,
    )


@asynccontextmanager
async def two(home: Path, **settings: Any) -> AsyncGenerator[tuple[Settings, list[Scripted]]]:
    """Settings with a cheap model that is good at code, and a dear one that is good at verse."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(scripted(speaker(name))) for name in ("coder", "poet")]
        routes = {
            "big": {"url": servers[1].url, "cost": 0.05, "api_key": "key-of-poet"},
            "small": {"url": servers[0].url},
        }
        yield Settings(home=home, embedder="light", routes=routes, **settings), servers


async def taught(settings: Settings, rounds: int) -> None:
    """Ask, and judge what was said, in applications that are closed after each round."""
    for turn in range(rounds):
        async with Application(settings) as application:
            for kind, texts in (("coder", CODE), ("poet", VERSE)):
                result = await application.run(saying, texts[turn % 3])
                good = float(result.output.text == kind)
                assert await application.give_feedback(result.run_id, good) == 1


async def test_what_was_judged_is_known_after_a_restart(tmp_path: Path) -> None:
    async with two(tmp_path) as (settings, servers):
        async with Application(settings) as application:
            first = await application.run(saying, "A poem about a wave.")
            assert first.output.text == "coder", "of equals, the cheapest"
        await taught(settings, 12)
        async with Application(settings) as application:
            assert (await application.run(saying, "Sort numbers in Python.")).output.text == "coder"
            assert (await application.run(saying, "A poem about a wave.")).output.text == "poet"
        keys = {asked.headers["authorization"] for asked in servers[1].asked}
        assert keys == {"Bearer key-of-poet"}


async def test_one_process_learns_what_another_was_told(tmp_path: Path) -> None:
    clock = ManualClock()
    database = open_database(tmp_path / "state.db")
    feedback = SqlFeedback(database)

    def shared() -> SharedBandit:
        return SharedBandit(PromptBandit(2, 4), ("a", "b"), feedback, "s", clock=clock.now)

    one, other = shared(), shared()
    vector = np.eye(4, dtype=np.float32)[0]
    await other.current()
    for number in range(5):
        await one.answered(str(number), "b", vector)
        await feedback.record(str(number), 1.0)
    assert (await other.current()).estimates(vector)[1].mean == 0.0
    clock.advance(LOOK)
    learned = (await other.current()).estimates(vector)[1].mean
    assert learned > 0.5
    clock.advance(LOOK)
    assert (await other.current()).estimates(vector)[1].mean == learned, "nothing counts twice"
    assert (await one.current()).estimates(vector)[1].mean == learned
    await feedback.answered("x", model="gone", space="s", vector=vector.tobytes())
    await feedback.answered("x", model="b", space="s", vector=b"12345678")
    await feedback.record("x", 0.0)
    assert (await shared().current()).estimates(vector)[1].mean == learned, "strangers teach nothing"
    database.close()


async def test_only_whoever_asked_may_judge_and_only_once(tmp_path: Path) -> None:
    async with two(tmp_path) as (settings, _), Application(settings) as application:
        result = await application.run(saying, "Sort a list.")
        with pytest.raises(RunNotFound):
            await application.give_feedback(result.run_id, 1.0, principal=Principal(name="eve"))
        with pytest.raises(BadInput, match="from 0 to 1"):
            await application.give_feedback(result.run_id, 7.0)
        assert await application.give_feedback(result.run_id, 1.0) == 1
        with pytest.raises(BadInput, match="given before"):
            await application.give_feedback(result.run_id, 0.0)


async def test_a_model_that_is_down_is_passed_over(tmp_path: Path) -> None:
    async with scripted(speaker("poet")) as server:
        routes = {"down": {"url": "http://127.0.0.1:9", "model": "m"}, "up": {"url": server.url, "cost": 0.9}}
        settings = Settings(home=tmp_path, embedder="light", routes=routes)
        async with Application(settings) as application:
            result = await application.run(saying, "Sort a list.")
            assert result.output.text == "poet"
            assert await application.give_feedback(result.run_id, 1.0) == 1
            (given,) = await application.container.get(FeedbackStore).since(
                application.container.get(Embedder, connector="wordllama").name
            )
            assert given.model == "up", "who answered is judged, not who failed"


async def test_nobody_is_asked_again_once_a_word_was_shown(tmp_path: Path) -> None:
    def cut(asked: Asked) -> Reply:
        return Reply(pieces=[chunk("half an")], cut=True)

    async with scripted(serving(cut, "m")) as broken, scripted(speaker("poet")) as server:
        routes = {"broken": {"url": broken.url}, "up": {"url": server.url, "cost": 0.9}}
        settings = Settings(home=tmp_path, embedder="light", routes=routes)
        async with Application(settings) as application:
            shown: list[str] = []
            with pytest.raises(ModelUnreachable, match=broken.url):
                await application.container.get(LanguageModel).generate(
                    GenerationRequest([Message("user", "Sort.")]), on_text=shown.append
                )
            assert shown == ["half an"]
            assert not server.of("/v1/chat/completions")


async def test_an_error_names_the_setting_of_its_route(tmp_path: Path) -> None:
    routes = {"a": {"url": "http://127.0.0.1:9", "model": "m"}, "b": {"url": "http://127.0.0.1:9/v1"}}
    settings = Settings(home=tmp_path, embedder="light", routes=routes)
    async with Application(settings) as application:
        with pytest.raises(ModelUnreachable) as raised:
            await application.container.get(LanguageModel).generate(
                GenerationRequest([Message("user", "Sort.")])
            )
    assert "routes." in raised.value.hint
    assert ".url" in raised.value.hint


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"routes": {"a": {"url": "http://h"}}}, "Only one model"),
        ({"routes": {"a": {"url": "http://h"}, "b": {"url": "http://h"}}, "llm_url": "http://h"}, "are set"),
        ({"routes": {"a": {"url": ""}, "b": {"url": "http://h"}}}, "routes.a.url"),
        ({"routes": {"a": {"url": "http://h", "cost": -1}, "b": {"url": "http://h"}}}, "routes.a.cost"),
        ({"routes": {"a": {"url": "http://h", "price": 1}, "b": {"url": "http://h"}}}, "no such setting"),
    ],
)
def test_routes_that_cannot_be_used_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings(**given)


def test_routes_can_be_given_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = {"a": {"url": "http://h:1, http://h:2", "api_key": "hidden"}, "b": {"url": ["http://h:3"]}}
    monkeypatch.setenv("ORCHESTRATOR_ROUTES", json.dumps(routes))
    settings = Settings()
    assert settings.routes["a"].url == ("http://h:1", "http://h:2")
    assert "hidden" not in repr(settings) + str(settings.routes)


async def test_a_reader_judges_through_the_endpoint(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    async with two(tmp_path) as (settings, _), Application(settings) as application:
        ports = {
            Runs: runs,
            FeedbackStore: application.container.get(FeedbackStore),
            LanguageModel: application.container.get(LanguageModel),
        }
        async with endpoint([saying], ports=ports, limits=Limits(durability="none")) as client:
            body = (await client.post("/v1/chat/completions", json=asking("saying"))).json()
            path = f"/v1/runs/{body['run_id']}/feedback"
            assert (await client.post(path, json={"score": 2})).status_code == 400
            told = await client.post(path, json={"score": 1})
            assert (told.status_code, told.json()["answers"]) == (200, 1)
            assert (await client.post(path, json={"score": 1})).status_code == 400
            assert (await client.post("/v1/runs/none/feedback", json={"score": 1})).status_code == 404
    await runs.close()
    database.close()
