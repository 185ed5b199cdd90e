"""The chat endpoint with a real small model behind it: whole, streamed, and left half-way."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest

from tests.services.llama import LlamaServer
from tests.serving.process import PROGRAM, Server, running

pytestmark = pytest.mark.llm

QUESTION = "Why do sea otters hold each other while they sleep?"
COUNTING = """
from orchestrator import Answer, Question, Run, node, workflow
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.testing.language_model import LONG


@node
async def count(question: Question, model: LanguageModel, run: Run) -> Answer:
    request = GenerationRequest(LONG, max_tokens=3000)
    return Answer((await model.generate(request, on_text=run.emit)).text)


counting = workflow("counting", count)
"""


@pytest.fixture(scope="module")
def endpoint(folder: Path) -> Generator[Server]:
    """The chat endpoint, of a short answer and of one without an end."""
    (folder / "counting.py").write_text(COUNTING)
    (folder / "brief.py").write_text(
        "from orchestrator import workflow\n"
        "from orchestrator.nodes import CitedAnswer, Compress, Retrieve, Standalone\n\n"
        'brief = workflow("brief", Standalone() >> Retrieve(k=2) >> Compress(tokens=90)'
        " >> CitedAnswer(max_tokens=40))\n"
    )
    command = [*PROGRAM, "serve", "brief.py", "counting.py", "--port", "0"]
    with running(command, folder=folder) as server:
        yield server


def test_a_client_hears_the_answer_that_it_would_be_given(endpoint: Server) -> None:
    turns = [{"role": "user", "content": QUESTION}]
    with endpoint.client() as client:
        whole = client.chat.completions.create(model="brief", messages=turns)
        pieces = [
            piece.choices[0].delta.content or ""
            for piece in client.chat.completions.create(model="brief", messages=turns, stream=True)
            if piece.choices
        ]
    assert whole.choices[0].message.content
    assert "".join(pieces) == whole.choices[0].message.content
    assert whole.usage is not None
    assert whole.usage.completion_tokens > 0


def test_a_client_that_leaves_stops_the_model(endpoint: Server, llama: LlamaServer) -> None:
    body = {"model": "counting", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with (
        httpx2.Client(timeout=120) as client,
        client.stream("POST", f"{endpoint.address}/v1/chat/completions", json=body) as response,
    ):
        pieces = response.iter_bytes()
        said = ""
        while said.count("content") < 4:
            said += next(pieces).decode()
        assert llama.running == 1
    end = time.monotonic() + 30
    while llama.running and time.monotonic() < end:
        time.sleep(0.1)
    assert llama.running == 0
