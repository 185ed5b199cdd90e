"""A ranker is decoded by the server that has its checkpoint, and otherwise in process, to the same result."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` has it")

from connectors.torch_decoder.checkpoint import Checkpoint  # noqa: E402
from connectors.torch_decoder.ranker import MODEL, GenerativeRanker  # noqa: E402
from connectors.trainers import generative  # noqa: E402
from connectors.vllm import Servers, addresses  # noqa: E402
from orchestrator import Application  # noqa: E402
from orchestrator.errors import SettingsError, UnknownModel  # noqa: E402
from orchestrator.interactions.sequences import Sequences  # noqa: E402
from orchestrator.ports import Build  # noqa: E402
from orchestrator.settings import Settings  # noqa: E402
from tests.connectors.torch_decoder.worlds import catalogue, trainer, training, walks  # noqa: E402
from tests.connectors.vllm.test_decoder import answering  # noqa: E402
from tests.services.scripted import Asked, Reply, Scripted, scripted  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 24
HISTORIES = Sequences.of([[1, 2, 3], [], [7] * 60, [20, 21]])
COMPLETIONS = "/v1/completions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("generative")
    trainer().fit(training(made, catalogue(COUNT), walks(COUNT, 150), epochs=3))
    return made


def checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint.load(folder / MODEL, catalogue(COUNT))


def served(ranker: GenerativeRanker, name: str) -> Any:
    """vLLM, with one model of this name."""
    answer = answering(ranker, most=128)

    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": name, "owned_by": "vllm"}]})
        if asked.body["model"] != name:
            return Reply({"error": {"message": "The model does not exist.", "code": 404}}, 404)
        return answer(asked)

    return script


def named(folder: Path) -> str:
    return f"generative-{checkpoint(folder).fingerprint}"


def at(server: Scripted, folder: Path) -> GenerativeRanker:
    """The ranker, told of a server."""
    servers = Servers(addresses(server.url), attempts=1)
    return GenerativeRanker(checkpoint(folder), servers=servers, folder=folder / MODEL)


async def test_the_server_that_has_the_checkpoint_decodes_it(folder: Path) -> None:
    here = GenerativeRanker(checkpoint(folder))
    allowed = np.arange(COUNT) % 5 != 0
    asked: dict[str, Any] = {"k": 6, "allowed": allowed, "removed": HISTORIES}
    async with scripted(served(here, named(folder))) as server:
        ranker = at(server, folder)
        # Several threads ask at the same time.
        told = await asyncio.gather(*(asyncio.to_thread(ranker.top, HISTORIES, **asked) for _ in range(3)))
        assert server.of(COMPLETIONS)
        assert named(folder) in str(await asyncio.to_thread(ranker.inspect_server))
    for there in told:
        assert np.array_equal(there.items, here.top(HISTORIES, **asked).items)
        assert np.allclose(there.scores, here.top(HISTORIES, **asked).scores, atol=1e-3)


async def test_many_histories_are_searched_in_parts_and_none_is_nothing(folder: Path) -> None:
    here = GenerativeRanker(checkpoint(folder))
    many = Sequences.of([[number % COUNT] for number in range(70)])
    async with scripted(served(here, named(folder))) as server:
        ranker = at(server, folder)
        there = await asyncio.to_thread(ranker.top, many, k=3, removed=many)
        none = await asyncio.to_thread(ranker.top, Sequences.of([]), k=3)
    assert np.array_equal(there.items, here.top(many, k=3, removed=many).items)
    assert none.items.shape == (0, 3)


@pytest.mark.parametrize("fault", ["another checkpoint", "no log-probabilities", "down"])
async def test_otherwise_this_process_does_and_asks_again_later(
    folder: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = GenerativeRanker(checkpoint(folder))
    script = served(here, "generative-0123456789ab")
    if fault != "another checkpoint":
        script = lambda _: Reply({}, 200 if "log" in fault else 503)  # noqa: E731
    async with scripted(script) as server:
        ranker = at(server, folder)
        clock = [0.0]
        assert ranker.served is not None
        ranker.served.clock = lambda: clock[0]
        with caplog.at_level(logging.WARNING, logger="orchestrator.models"):
            for _ in range(3):
                there = await asyncio.to_thread(ranker.top, HISTORIES, k=5)
                assert np.array_equal(there.items, here.top(HISTORIES, k=5).items)
        once = len(server.of(COMPLETIONS))
        assert sum("is decoded in process" in record.message for record in caplog.records) == 1
        clock[0] = 61.0
        await asyncio.to_thread(ranker.top, HISTORIES, k=5)
        assert len(server.of(COMPLETIONS)) > once


async def test_who_looks_is_told_what_to_serve_and_under_which_name(folder: Path) -> None:
    here = GenerativeRanker(checkpoint(folder))
    assert here.inspect_server() is None
    async with scripted(served(here, "another")) as server:
        ranker = at(server, folder)
        with pytest.raises(UnknownModel, match="not served") as raised:
            await asyncio.to_thread(ranker.inspect_server)
    assert named(folder) in raised.value.hint
    assert str(folder / MODEL) in raised.value.hint


def test_another_training_or_catalogue_has_another_name(folder: Path, tmp_path: Path) -> None:
    assert checkpoint(folder).fingerprint == checkpoint(folder).fingerprint
    fewer = trainer().adapt(folder, catalogue(COUNT - 1), tmp_path)
    assert fewer.checkpoint.fingerprint != checkpoint(folder).fingerprint


def test_the_settings_say_where_it_is_served(tmp_path: Path) -> None:
    for url, expected in (("http://a:1", 1), (["http://a:1", "http://b:1"], 2)):
        settings = Settings(home=tmp_path, connectors={"vllm": {"decode": {"url": url, "api_key": "k"}}})
        with Application(settings) as application:
            made: Any = generative(Build(settings, None, "", application.container))
        assert len(made.servers.all) == expected
        assert made.servers.key == "k"
    with Application(Settings(home=tmp_path)) as application:
        made = generative(Build(application.settings, None, "", application.container))
    assert made.servers is None


@pytest.mark.parametrize("decode", [{}, {"url": []}, {"url": "http://a:1", "model": "m"}])
def test_a_table_that_does_not_say_where_is_refused(tmp_path: Path, decode: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="decode"):
        Application(Settings(home=tmp_path, connectors={"vllm": {"decode": decode}}))
