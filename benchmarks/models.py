"""What the connector costs, and how long rerankers take on a model server.

python -m benchmarks.models overhead            a local server that sleeps; needs the extra `llm`
python -m benchmarks.models reranking           a vLLM server on the CPU; needs ORCHESTRATOR_VLLM_PYTHON
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import statistics
import sys
from importlib.metadata import version
from time import perf_counter, process_time
from typing import Any

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.types import Message

PROMPT = [Message("system", "You are brief."), Message("user", "Is it so? " + "word " * 300)]


def described() -> str:
    """Where this was measured."""
    return (
        f"Python {platform.python_version()}, openai {version('openai')}, httpx2 {version('httpx2')}, "
        f"{platform.machine()}"
    )


# -- overhead ----------------------------------------------------------------------------------


def sleeping_server(port: int, seconds: float) -> None:
    """Answer every completion after some seconds, in a process of its own, with as little work as possible."""
    from tests.services.scripted import completion

    body = json.dumps(completion("yes " * 50)).encode()
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    )

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
                self.transport.write(head + body)

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
    bare = httpx2.AsyncClient(base_url=url, timeout=60, limits=limits)
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
    messages: list[Any] = [{"role": message.role, "content": message.text} for message in PROMPT]
    body = {"model": "m", "messages": messages, "max_tokens": 64, "temperature": 0.0}

    async def by_bare() -> None:
        response = await bare.post("/v1/chat/completions", json=body)
        response.json()["choices"][0]["message"]["content"]

    async def by_openai() -> None:
        await client.chat.completions.create(
            model="m", messages=messages, max_tokens=64, temperature=0.0, seed=0
        )

    async def by_connector() -> None:
        await model.generate(PROMPT, max_tokens=64)

    asked = {"bare": by_bare, "connector": by_connector, "openai": by_openai}
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


def tell_overhead(at_once: int, seconds: float, found: dict[str, Any]) -> None:
    """Print one comparison."""
    bare = found["bare"]
    print(f"{at_once} at once, {seconds * 1000:.0f} ms each")
    for name, one in found.items():
        more = one["seconds"] / bare["seconds"] - 1
        cost = one["processor_ms"]
        print(f"  {name:10} {one['seconds']:.3f} s  {more:+6.1%}  {cost:.2f} ms of processor a request")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["overhead", "reranking"])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(described())
    if given.what == "overhead":
        for at_once, seconds, rounds in ((64, 0.05, 20), (64, 0.2, 8), (64, 1.0, 3)):
            tell_overhead(at_once, seconds, asyncio.run(overhead(at_once, seconds, rounds, given.repeats)))


if __name__ == "__main__":
    sys.exit(main())
