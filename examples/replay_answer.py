"""Record what a language model writes in a run, and replay the run without the model, to the last character.

    python examples/replay_answer.py [LLM_URL]

With the address of a model server it records that one; without, a stand-in that quotes its excerpts.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrator import Application
from orchestrator.ports import Generation, GenerationRequest, Probabilities, Scores
from orchestrator.settings import Settings
from orchestrator.types import Message, Usage

DOCS = Path(__file__).parents[1] / "docs"
QUESTION = "What happens to requests when a model server fails several times in a row?"


class Quoting:
    """The `LanguageModel` port without a model: it repeats the beginning of each excerpt, and cites it."""

    name, available = "quoting", True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """Two cited sentences, word by word."""
        lines = [line for line in request.prompt[-1].text.splitlines() if line.startswith('{"excerpt"')]
        excerpts = [json.loads(line) for line in lines[:2]]
        text = " ".join(
            f"{each['text'].split('. ')[0].rstrip('.')} [{each['excerpt']}]." for each in excerpts
        )
        for word in re.findall(r"\S+\s*", text):
            if on_text is not None:
                on_text(word)
            await asyncio.sleep(0)
        return Generation(text, usage=Usage(1, len(request.prompt[-1].text) // 4, len(text) // 4))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Every option alike."""
        return Probabilities(tuple(1 / len(options) for _ in options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Every text alike."""
        return Scores(tuple(0.0 for _ in texts))


async def main(url: str | None) -> None:
    """Record a run, replay it, compare."""
    with tempfile.TemporaryDirectory() as kept:
        home, recording = Path(kept) / "home", Path(kept) / "answers.jsonl"
        settings = Settings(home=home, embedder="light", **({"llm_url": url} if url else {}))
        async with Application(settings) as application:
            await application.indexer().add(DOCS)

        async with Application(settings, model=None if url else Quoting(), record=recording) as live:
            first = await live.run("chat", QUESTION)
        async with Application(Settings(home=home, embedder="light"), replay=recording) as offline:
            again = await offline.run("chat", QUESTION)

        assert first.answer is not None
        assert again.answer is not None
        print(first.answer.text)
        for citation in first.answer.citations:
            print(f"[{citation.n}] {citation.title}")
        size = recording.stat().st_size
        print(f"\nrecorded: {first.usage.calls} model calls, {size:,} bytes")
        assert (again.answer, again.usage) == (first.answer, first.usage)
        print("replayed without a model: the same answer, citations and usage")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
