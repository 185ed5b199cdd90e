"""Answers of a real vLLM server through the chat endpoint: whole, streamed, and left half-way."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest

from tests.services.vllm import KEY, VllmServer
from tests.serving.process import PROGRAM, ROOT, Server, orchestrator, running

pytestmark = pytest.mark.vllm

#: A workflow whose answer has no end.
COUNTING = """
from orchestrator import Answer, Question, Run, node, workflow
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.testing.language_model import LONG


@node
async def count(question: Question, model: LanguageModel, run: Run) -> Answer:
    request = GenerationRequest(LONG, max_tokens=8000)
    return Answer((await model.generate(request, on_text=run.emit)).text)


counting = workflow("counting", count)
"""
QUESTION = {"role": "user", "content": "Which files are skipped when a folder is added again?"}


@pytest.fixture(scope="module")
def endpoint(vllm: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """An endpoint over this project's documentation, with the tiny model behind it."""
    folder: Path = tmp_path_factory.mktemp("endpoint")
    settings = f'embedder = "light"\nllm_url = "{vllm.url}"\nllm_api_key = "{KEY}"\n[serve]\nport = 0\n'
    (folder / "orchestrator.toml").write_text(settings)
    added = orchestrator("index", "add", str(ROOT / "docs"), folder=folder)
    assert added.returncode == 0, added.stderr
    (folder / "counting.py").write_text(COUNTING)
    with running([*PROGRAM, "serve", "chat", "counting.py"], folder=folder) as server:
        yield server


def test_the_model_writes_the_answer(endpoint: Server) -> None:
    with endpoint.client() as client:
        answer = client.chat.completions.create(model="chat", messages=[QUESTION])
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    told = answer.model_extra or {}
    assert not any("language model is configured" in reason for reason in told["degraded"]), told["degraded"]
    numbers = {each["n"] for each in told["citations"]}
    assert numbers == set(range(1, len(numbers) + 1))


def test_a_streamed_answer_is_the_answer(endpoint: Server) -> None:
    with endpoint.client() as client:
        whole = client.chat.completions.create(model="chat", messages=[QUESTION])
        pieces = [
            piece.choices[0].delta.content or ""
            for piece in client.chat.completions.create(model="chat", messages=[QUESTION], stream=True)
            if piece.choices
        ]
    assert "".join(pieces) == whole.choices[0].message.content


def is_let_go(vllm: VllmServer) -> bool:
    """Whether nothing is soon under way any more; on a busy machine, each process takes its time."""
    end = time.monotonic() + 5
    while vllm.running and time.monotonic() < end:
        time.sleep(0.05)
    return not vllm.running


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_model(endpoint: Server, vllm: VllmServer, stream: bool) -> None:
    body = {"model": "counting", "messages": [QUESTION], "stream": stream}
    finished = vllm.finished
    for _ in range(5):
        with httpx2.Client(timeout=60) as client:
            request = client.build_request("POST", f"{endpoint.address}/v1/chat/completions", json=body)
            if stream:
                response = client.send(request, stream=True)
                pieces = response.iter_bytes()
                said = "".join(next(pieces).decode() for _ in range(3))
                assert "chat.completion.chunk" in said
                assert "[DONE]" not in said
                response.close()
            else:
                request.extensions["timeout"]["read"] = 1.0
                with pytest.raises(httpx2.ReadTimeout):
                    client.send(request)
        assert is_let_go(vllm)
    # Of what went on, the end would be counted, as that of a last short request is.
    body = {"model": "tiny", "prompt": "Files", "max_tokens": 1}
    headers = {"Authorization": f"Bearer {KEY}"}
    httpx2.post(f"{vllm.url}/v1/completions", json=body, headers=headers, timeout=60).raise_for_status()
    assert is_let_go(vllm)
    assert vllm.finished == finished + 1


def test_the_doctor_names_the_model(endpoint: Server, vllm: VllmServer, tmp_path: Path) -> None:
    (tmp_path / "orchestrator.toml").write_text(f'llm_url = "{vllm.url}"\nllm_api_key = "{KEY}"\n')
    told = orchestrator("doctor", folder=tmp_path)
    assert f"tiny at {vllm.url}, reads 8,192 tokens" in told.stdout
