"""What the connector costs, how long rerankers take on a model server, and what a router loses.

python -m benchmarks.models overhead            a local server that sleeps; needs the extra `llm`
python -m benchmarks.models profile             whose code the connector's requests spend their time in
python -m benchmarks.models reranking           a vLLM server on the CPU; needs ORCHESTRATOR_VLLM_PYTHON
python -m benchmarks.models routing             simulated models, real questions; needs ORCHESTRATOR_DATA
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Annotated, Any, Literal

from benchmarks import harness
from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.ports import Generation, GenerationRequest
from orchestrator.types import Message, Usage

PROMPT = [Message("system", "You are brief."), Message("user", "Is it so? " + "word " * 300)]


# -- overhead ----------------------------------------------------------------------------------


def sleeping_server(port: int, seconds: float) -> None:
    """Answer every completion after some seconds, in a process of its own, with little work."""
    from tests.services.scripted import completion

    body = json.dumps(completion("yes " * 50)).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    answer = head % len(body) + body

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.data, self.wanted = transport, b"", 0

        def data_received(self, data: bytes) -> None:
            self.data += data
            if not self.wanted and b"\r\n\r\n" in self.data:
                top = self.data.index(b"\r\n\r\n") + 4
                lines = self.data[:top].lower().split(b"\r\n")
                size = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
                self.wanted = top + size
            if self.wanted and len(self.data) >= self.wanted:
                self.data, self.wanted = b"", 0
                asyncio.get_running_loop().call_later(seconds, self.answer)

        def answer(self) -> None:
            if not self.transport.is_closing():
                self.transport.write(answer)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answering, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    asyncio.run(serve())


async def timed(ask: Any, at_once: int, rounds: int) -> tuple[float, float]:
    """Seconds and processor seconds of `rounds` requests by each of `at_once` callers."""

    async def caller() -> None:
        for _ in range(rounds):
            await ask()

    gc.collect()
    begun, used = perf_counter(), process_time()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    return perf_counter() - begun, process_time() - used


async def overhead(at_once: int, seconds: float, rounds: int, repeats: int) -> dict[str, Any]:
    """The connector, the openai client as it is, and a bare HTTP client, in turn, `repeats` times."""
    import multiprocessing

    import aiohttp
    import httpx2
    from openai import AsyncOpenAI

    from tests.services.vllm import free_port

    port = free_port()
    process = multiprocessing.get_context("spawn").Process(
        target=sleeping_server, args=(port, seconds), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{port}"
    model = VllmModel(Servers(addresses(url)), "m")
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    own = aiohttp.ClientSession()
    bare = httpx2.AsyncClient(base_url=url, timeout=60, limits=limits)
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
    messages: list[Any] = [{"role": message.role, "content": message.text} for message in PROMPT]
    body = {"model": "m", "messages": messages, "max_tokens": 64, "temperature": 0.0}

    async def by_bare() -> None:
        response = await bare.post("/v1/chat/completions", json=body)
        response.json()["choices"][0]["message"]["content"]

    async def by_aiohttp() -> None:
        async with own.post(f"{url}/v1/chat/completions", json=body) as response:
            (await response.json())["choices"][0]["message"]["content"]

    async def by_openai() -> None:
        await client.chat.completions.create(
            model="m", messages=messages, max_tokens=64, temperature=0.0, seed=0
        )

    async def by_connector() -> None:
        await model.generate(GenerationRequest(PROMPT, max_tokens=64))

    asked = {"httpx2": by_bare, "aiohttp": by_aiohttp, "connector": by_connector, "openai": by_openai}
    try:
        for _ in range(100):
            try:
                await by_bare()
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for name in asked:
            await timed(asked[name], at_once, 2)
        for _ in range(repeats):
            for name, ask in asked.items():
                found[name].append(await timed(ask, at_once, rounds))
    finally:
        process.terminate()
        await model.close()
        await bare.aclose()
        await own.close()
        await client.close()
    size = at_once * rounds
    return {
        name: {
            "seconds": statistics.median(one for one, _ in runs),
            "processor_ms": statistics.median(one for _, one in runs) / size * 1000,
            "least": min(one for one, _ in runs),
        }
        for name, runs in found.items()
    }


async def profile(at_once: int, seconds: float, rounds: int) -> None:
    """Print how the time of the connector's requests is shared among its own files and what it stands on."""
    import cProfile
    import multiprocessing
    import pstats

    from tests.services.vllm import free_port

    port = free_port()
    process = multiprocessing.get_context("spawn").Process(
        target=sleeping_server, args=(port, seconds), daemon=True
    )
    process.start()
    model = VllmModel(Servers(addresses(f"http://127.0.0.1:{port}"), attempts=100), "m")

    async def ask() -> None:
        await model.generate(GenerationRequest(PROMPT, max_tokens=64))

    try:
        await asyncio.sleep(2)
        await timed(ask, at_once, 2)
        profiler = cProfile.Profile()
        profiler.enable()
        await timed(ask, at_once, rounds)
        profiler.disable()
    finally:
        process.terminate()
        await model.close()
    kinds = {"connectors/vllm": 0.0, "openai": 0.0, "httpx2": 0.0, "aiohttp": 0.0, "the rest": 0.0}
    stats: Any = pstats.Stats(profiler)
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():
        if "poll" in name or "gc.collect" in name:
            continue
        kind = next((kind for kind in kinds if f"/{kind}/" in file.replace("\\", "/")), "the rest")
        kinds[kind] += own
    total = sum(kinds.values())
    print(f"{at_once * rounds} requests, {total / at_once / rounds * 1000:.2f} ms each under the profiler")
    for kind, spent in kinds.items():
        print(f"  {kind:16} {spent / total:6.1%}")


def tell_overhead(at_once: int, seconds: float, found: dict[str, Any]) -> None:
    """Print one comparison."""
    bare = found["httpx2"]
    print(f"{at_once} at once, {seconds * 1000:.0f} ms each")
    for name, one in found.items():
        more = one["least"] / bare["least"] - 1
        cost = one["processor_ms"]
        print(
            f"  {name:10} {one['least']:.3f} s at best ({more:+6.1%}), {one['seconds']:.3f} in the middle, "
            f"{cost:.2f} ms of processor a request"
        )


# -- reranking ---------------------------------------------------------------------------------


class Formed:
    """The tiny model, whose replies are held to the form that each prompt asks for: it does not know it.

    Scores are an object of ten integers, an order is a list of twenty: about as many tokens as a
    large model would write.
    """

    available = True

    def __init__(self, model: VllmModel) -> None:
        self.model = model
        self.name = model.name
        self.waiting, self.rounds, self.usage = 0, 0, Usage()

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        from pydantic import Field, create_model

        size = request.prompt[-1].text.count('{"passage"')
        grade = Annotated[int, Field(ge=0, le=10)]
        if "integer from 0" in request.prompt[0].text:
            schema = create_model(f"Scores{size}", **{str(n): (grade, ...) for n in range(1, size + 1)})
        else:
            place: Any = Literal[tuple(range(1, size + 1))]
            places = Annotated[list[place], Field(min_length=size, max_length=size)]
            schema = create_model(f"Order{size}", order=(places, ...))
        self.rounds += self.waiting == 0
        self.waiting += 1
        try:
            made = await self.model.generate(replace(request, schema=schema, max_tokens=400))
        finally:
            self.waiting -= 1
        self.usage += made.usage
        return made

    async def choose(self, prompt: Any, options: Any) -> Any:
        return await self.model.choose(prompt, options)

    async def score(self, query: str, texts: Any) -> Any:
        return await self.model.score(query, texts)


def passages(size: int, tokens: int) -> dict[str, str]:
    """Texts of about so many tokens, made of the sentences of docs/."""
    from orchestrator.text.tokens import token_count
    from tests.services.tiny_chats import sentences

    chance, told = random.Random(0), list(sentences())
    made: dict[str, str] = {}
    for number in range(size):
        text = ""
        while token_count(text) < tokens:
            text = f"{text} {chance.choice(told)}".strip()
        made[str(number)] = text
    return made


async def reranked(server: Any, tokens: int, repeats: int) -> None:
    """Time groupwise and sliding windows on the same texts; nothing of one run is reused by the next."""
    from orchestrator import ANONYMOUS, Hits, Question, workflow
    from orchestrator.nodes import Rerank
    from orchestrator.ports import Documents, Embedder, LanguageModel
    from orchestrator.types import Hit, Passage
    from tests.nodes.rerank.asking import Letters
    from tests.services.vllm import KEY

    texts = passages(100, tokens)

    class Shelf:
        async def passages(self, ids: Any, *, principal: Any) -> dict[str, Passage]:
            return {name: Passage(name, name, texts[name]) for name in ids}

    found = Hits(tuple(Hit(name, 1 - rank / 100, "bm25") for rank, name in enumerate(texts)))
    model = VllmModel(Servers(addresses(server.url), key=KEY, timeout=300))
    print(f"100 passages of {tokens} tokens")
    times: dict[str, list[float]] = {}
    for repeat in range(repeats + 1):
        for name in ("groupwise", "listwise"):
            wf = workflow("rerank", Rerank(name, tokens=tokens), inputs=(Question, Hits))
            formed = Formed(model.for_tenant(f"{name}{tokens}{repeat}"))
            ports = {Documents: Shelf(), Embedder: Letters(), LanguageModel: formed}
            begun = perf_counter()
            await wf.run(Question("How is a folder added again?", ANONYMOUS), found, ports=ports)
            # The first time, grammars are compiled.
            if repeat:
                times.setdefault(name, []).append(perf_counter() - begun)
            if repeat == repeats:
                usage, spent = formed.usage, times[name]
                print(
                    f"  {name:10} {statistics.median(spent):.2f} s ({min(spent):.2f} to {max(spent):.2f})  "
                    f"{usage.calls} calls in {formed.rounds} rounds, {usage.prompt_tokens:,} tokens read, "
                    f"{usage.completion_tokens:,} written"
                )
    await model.close()


def reranking(repeats: int) -> None:
    """Start a server of the tiny model, and time rerankers on it."""
    from tests.services.vllm import tiny_model, vllm_server

    with TemporaryDirectory() as kept:
        folder = Path(kept)
        model = tiny_model(folder)
        size = ("--max-model-len", "16384", "--max-num-batched-tokens", "16384")
        size += ("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}')
        with vllm_server(model, *size, folder=folder) as server:
            for tokens in (60, 300):
                asyncio.run(reranked(server, tokens, repeats))


# -- routing -----------------------------------------------------------------------------------

#: How likely each of two models is right on questions of two kinds: neither is better on both.
RIGHT = ((0.9, 0.5), (0.4, 0.8))


def routing(repeats: int) -> None:
    """Two simulated models, the questions of two data sets, and their embeddings: what each choice loses."""
    import os

    import numpy as np

    from connectors.wordllama import WordLlamaEmbedder
    from orchestrator.models.bandit import PromptBandit

    folder = Path(os.environ["ORCHESTRATOR_DATA"])
    texts: list[tuple[int, str]] = []
    for kind, name in enumerate(("scifact", "theoremqa")):
        lines = (folder / name / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        texts += [(kind, json.loads(line)["text"]) for line in lines[:500]]
    vectors = asyncio.run(WordLlamaEmbedder().embed([text for _, text in texts], kind="query"))
    kinds = np.array([kind for kind, _ in texts])
    right = np.array(RIGHT)
    best = right.max(axis=0)[kinds].sum()
    print(f"{len(texts)} questions in random order, {repeats} orders; expected right answers, of {best:.0f}")
    for arm in range(2):
        print(
            f"  model {arm} alone  {right[arm][kinds].sum():.0f}, regret {best - right[arm][kinds].sum():.0f}"
        )
    for kernel in ("fourier", "rbf", "cubic"):
        regrets, late, spent = [], [], 0.0
        for seed in range(repeats):
            chance = np.random.default_rng(seed)
            bandit = PromptBandit(2, vectors.shape[1], kernel=kernel, seed=seed)
            lost = []
            for number in chance.permutation(len(texts)):
                begun = perf_counter()
                arm = bandit.choose(vectors[number])
                spent += perf_counter() - begun
                chances = right[:, kinds[number]]
                lost.append(chances.max() - chances[arm])
                begun = perf_counter()
                bandit.learn(arm, vectors[number], float(chance.random() < chances[arm]))
                spent += perf_counter() - begun
            regrets.append(sum(lost))
            late.append(sum(lost[-200:]) / 200)
        print(
            f"  {kernel:8} regret {np.mean(regrets):.0f} ± {np.std(regrets):.0f}, {np.mean(late):.3f} each "
            f"in the last 200, {spent / repeats / len(texts) * 1e6:.0f} µs a question"
        )


def main() -> None:
    """Read the command line, measure, print."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("what", choices=["overhead", "profile", "reranking", "routing"])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(harness.machine("openai", "httpx2"))
    if given.what == "reranking":
        reranking(given.repeats)
    elif given.what == "profile":
        asyncio.run(profile(64, 0.05, 12))
    elif given.what == "routing":
        routing(given.repeats)
    else:
        for at_once, seconds, rounds in ((64, 0.05, 12), (64, 0.2, 5), (64, 1.0, 2)):
            tell_overhead(at_once, seconds, asyncio.run(overhead(at_once, seconds, rounds, given.repeats)))


if __name__ == "__main__":
    sys.exit(main())
