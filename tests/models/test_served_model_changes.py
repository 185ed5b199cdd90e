"""What is kept of one model is never given for another, whatever stands before it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.vllm import Scorer, Servers, VllmModel, addresses
from connectors.vllm.served import FRESH, Serving
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import ANONYMOUS, Answer, Question, node, workflow
from orchestrator.models.cached import CachedModel
from orchestrator.models.client import ClientModel, ClientSettings
from orchestrator.models.recorded import RecordedModel
from orchestrator.models.routed import RoutedModel
from orchestrator.ports import Cache, GenerationRequest, LanguageModel, close_model, for_tenant, resolved_name
from orchestrator.types import Message
from tests.services.scripted import Asked, Reply, Scripted, completion, scripted

PROMPT = (Message("user", "Who are you?"),)
QUESTION = Question("Who are you?", ANONYMOUS)


@node
async def asks(question: Question, model: LanguageModel) -> Answer:
    return Answer((await model.generate(GenerationRequest([Message("user", question.text)]))).text)


@node
async def scores(question: Question, model: LanguageModel) -> Answer:
    return Answer(str((await model.score(question.text, ["a text"])).values))


class Shelf:
    """A cache that outlives the processes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, key: str, value: bytes, **_: Any) -> None:
        self.kept[key] = value


#: Where prompts point does not matter here: it is loaded once.
EMBEDDER = WordLlamaEmbedder()


@dataclass
class Machine:
    """A server that can be restarted with another model; it says which one it has, and how it is asked."""

    model: str = "first"
    root: str = ""
    score: float = 1.0
    asked: list[Any] = field(default_factory=list[Any])

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            row = {"id": self.model, "object": "model", "root": self.root or self.model}
            return Reply({"object": "list", "data": [row]})
        self.asked.append(asked)
        if asked.path == "/score":
            return Reply({"data": [{"index": 0, "score": self.score}]})
        return Reply(completion(f"{self.model} {self.root} {asked.body.get('style', '')}".strip()))


@asynccontextmanager
async def machine() -> AsyncGenerator[tuple[Machine, Scripted]]:
    made = Machine()
    async with scripted(made) as server:
        yield made, server


def served(url: str, **settings: Any) -> VllmModel:
    """The model as a new process makes it: nothing was asked yet."""
    return VllmModel(Servers(addresses(url)), **settings)


def routed(url: str, **settings: Any) -> LanguageModel:
    return RoutedModel({"a": served(url, **settings), "b": served(url, **settings)}, EMBEDDER)


Wrap = Callable[[LanguageModel, Path, Cache], LanguageModel]
WRAPPERS: dict[str, Wrap] = {
    "cache": lambda model, folder, cache: CachedModel(model, cache),
    "record": lambda model, folder, cache: RecordedModel(folder / "a.jsonl", model),
    "client": lambda model, folder, cache: ClientModel(model, ClientSettings(tokens=100)),
    "tenant": lambda model, folder, cache: for_tenant(model, "default"),
}
#: None, each, every pair in both orders, and all four in four orders.
STACKS = [
    *(names for count in range(3) for names in itertools.permutations(WRAPPERS, count)),
    *([*WRAPPERS][turn:] + [*WRAPPERS][:turn] for turn in range(4)),
]


@dataclass
class Processes:
    """Processes, one after the other, over one cache and one folder."""

    folder: Path
    names: Sequence[str]
    models: Callable[..., LanguageModel]
    cache: Shelf = field(default_factory=Shelf)

    async def answer(self, url: str, body: Any = asks, **settings: Any) -> str:
        """What a new process is answered by a node whose result is kept; asked twice, as the second time
        the server is known."""
        model = self.models(url, **settings)
        for name in self.names:
            model = WRAPPERS[name](model, self.folder, self.cache)
        wf = workflow("w", body().within(cache=60))
        ports = {LanguageModel: model, Cache: self.cache}
        said = [(await wf.run(QUESTION, ports=ports)).output.text for _ in range(2)]
        assert said[0] == said[1]
        await close_model(model)
        return said[0]


@pytest.mark.slow
@pytest.mark.parametrize("models", [served, routed])
@pytest.mark.parametrize("names", STACKS, ids="-".join)
async def test_a_new_process_never_gives_the_answer_of_a_model_that_was_served_before(
    tmp_path: Path, names: Sequence[str], models: Callable[..., LanguageModel]
) -> None:
    processes = Processes(tmp_path, names, models)
    async with machine() as (made, server):
        assert await processes.answer(server.url) == "first"
        assert await processes.answer(server.url) == "first"
        assert len(made.asked) == 1, "the same model is not asked twice"
        made.model = "second"
        assert await processes.answer(server.url) == "second"
        made.root = "/models/second-v2"
        assert await processes.answer(server.url) == "second /models/second-v2"
        assert (
            await processes.answer(server.url, options={"style": "terse"}) == "second /models/second-v2 terse"
        )


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("names", [(), ("cache",), ("record",), ("client", "cache")], ids="-".join)
async def test_a_score_is_kept_for_the_model_that_scores(tmp_path: Path, names: Sequence[str]) -> None:
    def scoring(url: str, scorer: str) -> LanguageModel:
        return served(url, model="m", scorer=Scorer(Servers(addresses(scorer), setting="score")))

    processes = Processes(tmp_path, names, scoring)
    async with machine() as (_, writer), machine() as (scorer, server):
        assert await processes.answer(writer.url, scores, scorer=server.url) == "(1.0,)"
        assert await processes.answer(writer.url, scores, scorer=server.url) == "(1.0,)"
        assert len(scorer.asked) == 1
        scorer.model, scorer.score = "other", 2.0
        assert await processes.answer(writer.url, scores, scorer=server.url) == "(2.0,)"


async def test_a_server_that_changes_its_model_is_noticed_by_a_process_that_goes_on() -> None:
    now = [0.0]
    async with machine() as (made, server):
        serving = Serving(Servers(addresses(server.url)), None, clock=lambda: now[0])
        assert await serving.resolved_name() == "first"
        made.model = "second"
        now[0] = FRESH + 1
        assert await serving.resolved_name() == "second"


async def test_where_nobody_says_which_model_answers_nothing_is_looked_up_or_kept() -> None:
    class Nameless:
        name, available = "http://somewhere", True
        down = True

        async def resolved_name(self, operation: str) -> str:
            from orchestrator.errors import ModelUnreachable

            if self.down:
                raise ModelUnreachable("The server is silent.")
            return "known"

        async def generate(self, request: GenerationRequest, **_: Any) -> Any:
            from orchestrator.ports import Generation

            self.count = getattr(self, "count", 0) + 1
            return Generation(str(self.count))

    cache = Shelf()
    model = Nameless()
    cached = CachedModel(model, cache)  # type: ignore[arg-type]
    wf = workflow("w", asks().within(cache=60))
    ports = {LanguageModel: cached, Cache: cache}
    assert [(await cached.generate(GenerationRequest(PROMPT))).text for _ in range(2)] == ["1", "2"]
    assert [(await wf.run(QUESTION, ports=ports)).output.text for _ in range(2)] == ["3", "4"]
    model.down = False
    assert [(await wf.run(QUESTION, ports=ports)).output.text for _ in range(2)] == ["5", "5"]


async def test_routes_name_every_model_that_may_answer() -> None:
    async with machine() as (made, server), machine() as (_, other):
        router = RoutedModel({"a": served(server.url), "b": served(other.url, model="named")}, EMBEDDER)
        assert await resolved_name(router) == "a=first|b=named"
        made.model = "second"
        asked = ClientModel(router, ClientSettings(tokens=9))
        assert await resolved_name(asked) == "a=first|b=named (client: tokens 9)"
        await router.close()
