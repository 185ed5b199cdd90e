"""The connector against a real vLLM server."""

from __future__ import annotations

import asyncio
import json
import math
import random
import subprocess
from collections.abc import AsyncGenerator

import pytest

from connectors.vllm import Servers, VllmModel, addresses
from orchestrator.errors import ContextTooLong, ModelKeyRefused, ModelTimeout, ModelUnreachable, UnknownModel
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.testing.language_model import LONG, PROMPT, LanguageModelConformance
from orchestrator.types import Message
from tests.services.vllm import KEY, VllmServer, free_port, vllm_python

pytestmark = pytest.mark.vllm


@pytest.fixture
async def model(vllm: VllmServer) -> AsyncGenerator[VllmModel]:
    made = VllmModel(Servers(addresses(vllm.url), key=KEY)).for_tenant("a")
    yield made
    await made.close()


class TestVllmModel(LanguageModelConformance):
    scores = False

    @pytest.fixture
    async def model(self, vllm: VllmServer) -> AsyncGenerator[LanguageModel]:
        self.server = vllm
        made = VllmModel(Servers(addresses(vllm.url), key=KEY))
        yield made
        await made.close()

    async def running(self) -> int:
        return await asyncio.to_thread(lambda: self.server.running)


_IN_TRANSFORMERS = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, turns, labels = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
ids = [tokenizer.encode(label, add_special_tokens=False) for label in labels]
assert all(len(each) == 1 for each in ids), ids
with torch.inference_mode():
    logits = model(torch.tensor([tokenizer.encode(text, add_special_tokens=False)])).logits[0, -1]
print(json.dumps(logits[[each[0] for each in ids]].softmax(0).tolist()))
"""


async def test_probabilities_are_those_of_the_same_model_in_transformers(
    model: VllmModel, vllm: VllmServer
) -> None:
    labels = [chr(ord("A") + number) for number in range(20)]
    turns = [{"role": message.role, "content": message.text} for message in PROMPT]
    done = await asyncio.to_thread(
        subprocess.run,
        [vllm_python(), "-c", _IN_TRANSFORMERS, str(vllm.model), json.dumps(turns), json.dumps(labels)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = json.loads(done.stdout)
    chosen = await model.choose(PROMPT, labels)
    # The server computes in bfloat16, which has eight bits of precision.
    assert chosen.values == pytest.approx(expected, rel=0.1, abs=2e-3)
    assert math.fsum(abs(a - b) for a, b in zip(chosen.values, expected, strict=True)) < 0.04


async def test_choosing_among_twenty_labels_is_one_request_of_one_token(model: VllmModel) -> None:
    chosen = await model.choose(PROMPT, [chr(ord("A") + number) for number in range(20)])
    assert (chosen.usage.calls, chosen.usage.completion_tokens) == (1, 1)


async def test_options_of_several_tokens_are_shown_under_labels(model: VllmModel) -> None:
    chosen = await model.choose(PROMPT, [f"to go to place number {number}" for number in range(30)])
    assert chosen.usage.completion_tokens == 1
    assert math.fsum(chosen.values) == pytest.approx(1.0)


async def test_of_a_hundred_random_cancellations_none_survives_200_ms(
    model: VllmModel, vllm: VllmServer
) -> None:
    chance = random.Random(0)
    await model.generate(GenerationRequest(PROMPT, max_tokens=1))

    async def one(number: int) -> None:
        on_text = (lambda _: None) if number % 2 else None
        call = asyncio.create_task(model.generate(GenerationRequest(LONG, max_tokens=4000), on_text=on_text))
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        call.cancel()
        await asyncio.wait({call})

    survivors, seen = 0, 0
    for batch in range(10):
        under_way = asyncio.gather(*(one(10 * batch + number) for number in range(10)))
        for _ in range(3):
            await asyncio.sleep(0.2)
            seen += await asyncio.to_thread(lambda: vllm.running)
        await under_way
        await asyncio.sleep(0.2)
        survivors += await asyncio.to_thread(lambda: vllm.running)
    assert seen > 20, "the calls ended by themselves"
    assert survivors == 0


async def test_a_raw_completion_gives_the_candidates_of_every_step(model: VllmModel) -> None:
    made = await model.complete("Files are ", max_tokens=5, candidates=range(70, 100))
    assert len(made.tokens) == len(made.steps) == 5
    for token, step in zip(made.tokens, made.steps, strict=True):
        assert set(step) == {token, *range(70, 100)}
        assert all(value <= 0 for value in step.values())
    assert (await model.complete("Files are ", max_tokens=5)).text == made.text
    held = await model.complete("Say ", constraint={"choice": ["left", "right"]}, max_tokens=20)
    assert held.text in ("left", "right")
    from_tokens = await model.complete([76, 77], max_tokens=2)
    assert from_tokens.usage.prompt_tokens == 2


async def test_what_the_caller_raises_on_a_word_is_its_own(model: VllmModel, vllm: VllmServer) -> None:
    def refuse(_: str) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await model.generate(GenerationRequest(LONG, max_tokens=500), on_text=refuse)
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(lambda: vllm.running) == 0


async def test_a_prompt_that_is_too_long_is_named_so(model: VllmModel) -> None:
    with pytest.raises(ContextTooLong, match="8192 tokens"):
        await model.generate(GenerationRequest([Message("user", "word " * 9000)]))
    with pytest.raises(ContextTooLong):
        await model.choose([Message("user", "word " * 9000)], ["yes", "no"])


async def test_a_server_that_is_too_slow_is_given_up_and_stops_working(vllm: VllmServer) -> None:
    model = VllmModel(Servers(addresses(vllm.url), key=KEY, timeout=0.4), "tiny")
    await model.served()
    finished = await asyncio.to_thread(lambda: vllm.finished)
    call = asyncio.create_task(model.generate(GenerationRequest(LONG, max_tokens=8000)))
    await asyncio.sleep(0.1)
    with vllm.silenced(), pytest.raises(ModelTimeout, match="llm_timeout"):
        await call
    async with asyncio.timeout(5):
        while await asyncio.to_thread(lambda: vllm.running):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(lambda: vllm.finished) == finished
    await model.close()


async def test_more_requests_than_the_server_runs_at_once_are_all_answered(model: VllmModel) -> None:
    asked = [
        model.generate(GenerationRequest([Message("user", f"Say {n}")], max_tokens=4)) for n in range(200)
    ]
    assert len(await asyncio.gather(*asked)) == 200


async def test_a_wrong_key_model_path_and_port_are_told_apart(vllm: VllmServer) -> None:
    def asked(url: str, key: str = KEY, name: str | None = None) -> VllmModel:
        return VllmModel(Servers(addresses(url), key=key, attempts=2), name)

    for model, error, told in (
        (asked(vllm.url, key="another"), ModelKeyRefused, "llm_api_key"),
        (asked(vllm.url, name="gpt"), UnknownModel, "tiny"),
        (asked(f"{vllm.url}/elsewhere"), ModelUnreachable, "not an OpenAI-compatible model server"),
        (asked(f"http://127.0.0.1:{free_port()}"), ModelUnreachable, "cannot be reached"),
    ):
        with pytest.raises(error, match=told) as raised:
            await model.generate(GenerationRequest(PROMPT))
        assert "127.0.0.1" in str(raised.value)
        await model.close()


async def test_tenants_share_no_prefix_and_one_tenant_does(vllm: VllmServer) -> None:
    prompt = [Message("user", "a long prefix that is asked about " * 40)]
    servers = Servers(addresses(vllm.url), key=KEY)
    model = VllmModel(servers)
    await model.for_tenant("a").generate(GenerationRequest(prompt, max_tokens=1))

    def hits() -> float:
        import re
        import urllib.request

        with urllib.request.urlopen(f"{vllm.url}/metrics", timeout=10) as answer:
            found = re.findall(
                r"^vllm:prefix_cache_hits_total\{[^}]*\} (\S+)", answer.read().decode(), re.MULTILINE
            )
        return sum(map(float, found))

    before = await asyncio.to_thread(hits)
    await model.for_tenant("b").generate(GenerationRequest(prompt, max_tokens=1))
    other = await asyncio.to_thread(hits)
    await model.for_tenant("a").generate(GenerationRequest(prompt, max_tokens=1))
    same = await asyncio.to_thread(hits)
    assert other == before
    assert same > other
    await model.close()
