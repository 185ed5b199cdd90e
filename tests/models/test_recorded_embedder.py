"""What servers embed, score and continue counts on a run, within its budget, and is replayed without them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.vllm import Servers, VllmEmbedder, addresses
from connectors.vllm.next_tokens import VllmNextTokens
from connectors.wordllama import WordLlamaEmbedder
from examples.replay_answer import Quoting
from orchestrator import ANONYMOUS, Answer, Application, Budget, Question, node, workflow
from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.models.recorded_embedder import RecordedEmbedder, RecordedTokenEmbedder
from orchestrator.models.recorded_next_tokens import RecordedNextTokens
from orchestrator.models.recording import Recording
from orchestrator.models.stack import build_embedder_stack
from orchestrator.ports import Cache, Embedder, NextTokenModel, TokenEmbedder, counts_usage
from orchestrator.settings import Settings
from orchestrator.testing.embedder import EmbedderConformance
from orchestrator.testing.token_embedder import TokenEmbedderConformance
from orchestrator.types import Usage
from tests.services.scripted import Asked, Reply, Scripted, scripted

QUESTION = Question("How many queens has a hive?", ANONYMOUS)
DIMENSIONS = 8


def vector(text: str) -> list[float]:
    """A vector of a text: that of its letters, so that like texts are near."""
    counts = [0.1] * DIMENSIONS
    for letter in text.lower():
        counts[ord(letter) % DIMENSIONS] += 1.0
    return counts


class Machine:
    """A server that embeds, scores and continues; it says what each request took."""

    def __init__(self, model: str = "vectors") -> None:
        self.model = model

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": self.model, "owned_by": "vllm"}]})
        if asked.path == "/v1/embeddings":
            rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(asked.body["input"])]
            return Reply({"data": rows, "usage": {"prompt_tokens": 10 * len(rows)}})
        if asked.path == "/score":
            rows = [{"index": n, "score": float(len(text))} for n, text in enumerate(asked.body["text_2"])]
            return Reply({"data": rows, "usage": {"prompt_tokens": 9}})
        if asked.path == "/v1/completions":
            tokens = asked.body["logprob_token_ids"]
            step = {f"token_id:{token}": -float(token) for token in tokens}
            choices = [
                {"index": n, "text": "", "logprobs": {"top_logprobs": [step]}}
                for n, _ in enumerate(asked.body["prompt"])
            ]
            return Reply({"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 1}})
        return Reply({"detail": "Not Found"}, 404)


@contextmanager
def serving() -> Iterator[Scripted]:
    """The server in a thread of its own: names and dimensions are asked for in calls that block."""
    ready, done = threading.Event(), threading.Event()
    found: list[Scripted] = []

    async def work() -> None:
        async with scripted(Machine()) as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    ready.wait(10)
    try:
        yield found[0]
    finally:
        done.set()
        thread.join()


@pytest.fixture
def server() -> Generator[Scripted]:
    with serving() as made:
        yield made


def embedder(url: str) -> VllmEmbedder:
    return VllmEmbedder(Servers(addresses(url), setting="embed"), "vectors")


class TestRecordedEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self, tmp_path: Path) -> Embedder:
        return RecordedEmbedder(Recording(tmp_path / "a.jsonl"), WordLlamaEmbedder())


class TestRecordedTokenEmbedder(TokenEmbedderConformance):
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> TokenEmbedder:
        return RecordedTokenEmbedder(Recording(tmp_path / "a.jsonl"), WordLlamaEmbedder())


class Absent:
    """An embedder that must not be loaded."""

    name, dimensions, static = WordLlamaEmbedder.name, WordLlamaEmbedder.dimensions, True

    async def embed(self, texts: Any, **_: Any) -> Any:
        raise AssertionError(f"it was loaded for {texts}")

    embed_tokens = embed


async def test_vectors_are_replayed_to_the_last_bit_without_loading_the_embedder(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    live = build_embedder_stack(WordLlamaEmbedder(), recording=Recording(path))
    assert isinstance(live, RecordedTokenEmbedder)
    texts = ["otters", "half \ud800", "", "otters"]
    first = await live.embed(texts, kind="query"), await live.embed_tokens(texts, kind="passage")
    offline = build_embedder_stack(Absent(), recording=Recording(path, required=True), replay=True)
    assert isinstance(offline, RecordedTokenEmbedder)
    assert (await offline.embed(texts, kind="query")).tobytes() == first[0].tobytes()
    again = await offline.embed_tokens(texts[::-1], kind="passage")
    assert [one.tobytes() for one in again] == [one.tobytes() for one in first[1][::-1]]
    assert (offline.name, offline.dimensions, offline.static) == (live.name, live.dimensions, True)
    with pytest.raises(AssertionError, match="loaded"):
        await offline.embed(["badgers"], kind="query")
    assert len(path.read_bytes().splitlines()) == 6, "each text once a kind"


async def test_the_kind_of_a_text_is_part_of_what_is_looked_up(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.jsonl")

    class Kinds(Absent):
        dimensions = 1

        async def embed(self, texts: Any, *, kind: str, **_: Any) -> Any:
            return np.full((len(texts), 1), float(kind == "query"), np.float32)

    live = RecordedEmbedder(recording, Kinds())
    assert [float((await live.embed(["x"], kind=kind))[0, 0]) for kind in ("query", "passage", "query")] == [
        1.0,
        0.0,
        1.0,
    ]


async def test_a_recording_of_vectors_replays_without_asking_the_server_even_for_its_name(
    tmp_path: Path,
) -> None:
    recording = Recording(tmp_path / "a.jsonl")
    with serving() as server:
        made = VllmEmbedder(Servers(addresses(server.url), setting="embed"), query_prefix="query: ")
        live = RecordedEmbedder(recording, made)
        first, spent = await live.embed_with_usage([f"text {n}" for n in range(70)], kind="query")
        assert spent == Usage(2, 700, 0), "two requests, and what they read"
        name = live.name
        await live.close()
    gone = VllmEmbedder(Servers(addresses("http://127.0.0.1:9"), setting="embed"), query_prefix="query: ")
    offline = build_embedder_stack(gone, recording=Recording(tmp_path / "a.jsonl"), replay=True)
    assert counts_usage(offline)
    assert (offline.name, offline.dimensions) == (name, DIMENSIONS)
    assert isinstance(offline, RecordedEmbedder)
    vectors, again = await offline.embed_with_usage([f"text {n}" for n in range(70)], kind="query")
    assert (vectors.tobytes(), again) == (first.tobytes(), spent)
    with pytest.raises(ModelError, match="no recorded vector"):
        await offline.embed(["another"], kind="query")


@node
async def embeds(question: Question, embedder: Embedder) -> Answer:
    return Answer(str((await embedder.embed([question.text] * 3, kind="query")).shape))


async def test_what_a_server_embeds_counts_on_the_run_and_its_trace(server: Scripted) -> None:
    made = embedder(server.url)
    result = await workflow("w", embeds).run(QUESTION, ports={Embedder: made})
    assert result.usage == result.steps[0].usage == Usage(1, 30, 0)
    local = await workflow("w", embeds).run(QUESTION, ports={Embedder: WordLlamaEmbedder()})
    assert local.usage == Usage(), "nobody was asked"
    await made.close()


async def test_a_call_of_a_server_that_embeds_beyond_the_budget_is_not_made(server: Scripted) -> None:
    made = embedder(server.url)
    for budget in (Budget(calls=0), Budget(tokens=0)):
        with pytest.raises(BudgetExhausted, match="ran out before this model call"):
            await workflow("w", embeds).run(QUESTION, ports={Embedder: made}, budget=budget)
        local = await workflow("w", embeds).run(
            QUESTION, ports={Embedder: WordLlamaEmbedder()}, budget=budget
        )
        assert local.output.text == "(3, 256)"
    assert not server.of("/v1/embeddings")
    await made.close()


@node
async def continues(question: Question, model: NextTokenModel) -> Answer:
    made = await model.next_tokens([[1, 2], [1, 3]], [7, 9])
    return Answer(str(made.values.tolist()))


async def test_what_a_served_decoder_is_asked_counts_and_replays(server: Scripted, tmp_path: Path) -> None:
    made = VllmNextTokens(Servers(addresses(server.url)), "tiny")
    recorded = RecordedNextTokens(Recording(tmp_path / "a.jsonl"), made)
    live = await workflow("w", continues).run(QUESTION, ports={NextTokenModel: recorded})
    assert (live.output.text, live.usage) == ("[[-7.0, -9.0], [-7.0, -9.0]]", Usage(1, 5, 1))
    await recorded.close()
    gone = VllmNextTokens(Servers(addresses("http://127.0.0.1:9")), "tiny")
    offline = RecordedNextTokens(Recording(tmp_path / "a.jsonl"), gone, replay=True)
    again = await workflow("w", continues).run(QUESTION, ports={NextTokenModel: offline})
    assert (again.output, again.usage) == (live.output, live.usage)
    with pytest.raises(BudgetExhausted):
        await workflow("w", continues).run(QUESTION, ports={NextTokenModel: offline}, budget=Budget(calls=0))
    with pytest.raises(ModelError, match="no recorded answer of 'tiny' to 1 rows"):
        await offline.next_tokens([[5]], [7])


async def test_a_kept_result_belongs_to_the_embedder_that_the_server_has_now() -> None:
    class Shelf(dict[str, bytes]):
        async def put(self, key: str, value: bytes, **_: Any) -> None:
            self[key] = value

        async def get(self, key: str, *_: Any) -> Any:  # type: ignore[override]
            return dict.get(self, key)

    machine, shelf = Machine(), Shelf()
    wf = workflow("w", embeds().within(cache=60))
    async with scripted(machine) as server:
        for model, expected in (("vectors", 1), ("vectors", 1), ("other", 2)):
            machine.model = model
            # A new process: the server was not asked yet.
            made = VllmEmbedder(Servers(addresses(server.url), setting="embed"))
            await wf.run(QUESTION, ports={Embedder: made, Cache: shelf})
            assert len(server.of("/v1/embeddings")) == expected, model
            await made.close()


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bees.md").write_text("# Bees\n\nBees dance. A hive has one queen. Bees sleep.\n")
    return Settings(home=tmp_path / "home")


@pytest.mark.slow
@pytest.mark.parametrize("writes", [True, False])
async def test_a_run_with_servers_that_embed_and_score_replays_without_them(
    settings: Settings, tmp_path: Path, writes: bool
) -> None:
    recording = tmp_path / "a.jsonl"
    model = Quoting() if writes else None
    with serving() as server:
        settings = settings.model_copy(update={"embedder": "server", "embed_url": (server.url,)})
        async with Application(settings) as application:
            await application.indexer().add(tmp_path / "notes")
        async with Application(settings, model=model, record=recording) as live:
            first = await live.run("chat", QUESTION)
        assert first.usage.calls > (1 if writes else 0)
        asked = len(server.asked)
        async with Application(settings, replay=recording) as offline:
            assert (await offline.run("chat", QUESTION)).output == first.output
        assert len(server.asked) == asked, "nobody was contacted"
    async with Application(settings, replay=recording) as offline:
        again = await offline.run("chat", QUESTION)
        assert (again.output, again.usage, again.degraded) == (first.output, first.usage, first.degraded)


@pytest.mark.slow
async def test_a_run_replays_without_loading_what_embeds_in_this_process(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"embedder": "light"})
    async with Application(settings) as application:
        await application.indexer().add(tmp_path / "notes")
    async with Application(settings, model=Quoting(), record=tmp_path / "a.jsonl") as live:
        first = await live.run("chat", QUESTION)
    monkeypatch.setattr(WordLlamaEmbedder, "embed", Absent.embed)
    async with Application(settings, replay=tmp_path / "a.jsonl") as offline:
        again = await offline.run("chat", QUESTION)
    assert (again.output, again.usage) == (first.output, first.usage)


@pytest.mark.slow
async def test_a_recording_of_before_is_replayed_with_the_embedder(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"embedder": "light"})
    async with Application(settings) as application:
        await application.indexer().add(tmp_path / "notes")
    async with Application(settings, model=Quoting(), record=tmp_path / "a.jsonl") as live:
        first = await live.run("chat", QUESTION)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    old = [{**line, "format": 1} for line in lines if "generate" in line["asked"]]
    for line in old:
        del line["answer"]["model"]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    async with Application(settings, replay=tmp_path / "old.jsonl") as offline:
        again = await offline.run("chat", QUESTION)
    assert (again.output, again.usage) == (first.output, first.usage)
