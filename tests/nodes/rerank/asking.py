"""What rerankers are tested on: documents in memory, a question, and models of every temper."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from orchestrator import ANONYMOUS, Budget, Hits, Question, workflow
from orchestrator.nodes import Rerank
from orchestrator.ports import (
    Documents,
    Embedder,
    Generation,
    GenerationRequest,
    LanguageModel,
    Probabilities,
    Scores,
)
from orchestrator.testing.judge import Judge, Noise
from orchestrator.types import Hit, Passage, Usage

QUESTION = Question("which number is large?", ANONYMOUS)
STRATEGIES = (
    "groupwise",
    "yes_no",
    "graded",
    "pairwise",
    "pairwise_all",
    "pairwise_sliding",
    "setwise",
    "listwise",
    "full",
    "first",
    "elimination",
    "cross_encoder",
    "embedding",
    "e2rank",
    "cascade",
)


def text_of(number: int) -> str:
    """The text of a passage; its number is its relevance."""
    return f"passage about the number {number}"


class Texts:
    """The `Documents` port over texts that are made up when they are asked for."""

    async def passages(self, ids: Sequence[str], *, principal: Any) -> dict[str, Passage]:
        return {name: Passage(name, name, text_of(int(name))) for name in ids if not name.startswith("-")}


class Letters:
    """The `Embedder` port by letter counts."""

    name, dimensions = "letters", 64

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for letter in text:
                vectors[row, ord(letter) % 64] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class Babbler:
    """A model that says anything: one output after the other, and probabilities that are none.

    `said` counts its outputs.
    """

    name, available = "babbler", True

    def __init__(self, outputs: Sequence[str], seed: int = 0) -> None:
        self.outputs = outputs
        self.rng = random.Random(seed)
        self.said = 0

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.said += 1
        return Generation(self.outputs[self.said % len(self.outputs)], usage=Usage(1, 1, 1))

    async def choose(self, prompt: Any, options: Sequence[str]) -> Probabilities:
        self.said += 1
        return Probabilities(tuple(self._number() for _ in options), Usage(1, 1, 1))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        self.said += 1
        return Scores(tuple(self._number() for _ in texts), Usage(1, 1, 1))

    def _number(self) -> float:
        odd = (0.0, 1.0, -1e9, 1e300, math.inf, -math.inf, math.nan)
        return self.rng.choice(odd) if self.rng.random() < 0.5 else self.rng.random()


def judge(size: int, noise: Noise | None = None, seed: int = 0) -> Judge:
    """A judge that holds larger numbers to be more relevant."""
    grades = {text_of(number): number / max(1, size - 1) for number in range(size)}
    return Judge({QUESTION.text: grades}, noise or Noise(), seed)


def hits(size: int, seed: int = 0) -> Hits:
    """Numbers in a random order, as a retriever that knows nothing would rank them."""
    order = list(range(size))
    random.Random(seed).shuffle(order)
    return Hits(tuple(Hit(str(number), 1.0 - rank / size, "bm25") for rank, number in enumerate(order)))


async def reranked(model: Any, found: Hits, budget: Budget | None = None, **settings: Any) -> Any:
    """The result of a workflow that does nothing but rerank."""
    wf = workflow("rerank", Rerank(**settings), inputs=(Question, Hits))
    ports = {Documents: Texts(), Embedder: Letters(), LanguageModel: model}
    return await wf.run(QUESTION, found, ports=ports, budget=budget)


class Stalling:
    """A model that answers `calls` calls as another would, and none after that."""

    name, available = "stalling", True

    def __init__(self, inner: Any, calls: int) -> None:
        self.inner, self.calls, self.left = inner, calls, calls

    async def _turn(self) -> None:
        self.left -= 1
        if self.left < 0:
            await asyncio.Event().wait()

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        await self._turn()
        return await self.inner.generate(request, on_text=on_text)

    async def choose(self, prompt: Any, options: Sequence[str]) -> Probabilities:
        await self._turn()
        return await self.inner.choose(prompt, options)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        await self._turn()
        return await self.inner.score(query, texts)
