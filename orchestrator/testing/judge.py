"""A language model made of relevance judgements and stated noise, to test and study rerankers with.

It reads the prompts of `orchestrator.nodes.rerank` back into question and passages, looks the
passages' true grades up, and answers as a model with these faults would. Nothing it says depends on
anything but the prompt and the seed.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ports import Generation, GenerationRequest, Probabilities, Scores
from orchestrator.text.tokens import token_count
from orchestrator.types import Message, Usage


@dataclass(frozen=True)
class Noise:
    """How a judge errs, in units of a grade scaled to [0, 1].

    `random` is the deviation of each judgement, `position` how much the last of a list loses against
    the first, `shift` and `scale` the deviations of a call's own offset and of its log scale, and
    `malformed` the rate of outputs that are not what was asked for.
    """

    random: float = 0.0
    position: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    malformed: float = 0.0


@dataclass
class Judge:
    """The `LanguageModel` port over `grades`: question → (text → grade in [0, 1]); unknown texts are 0.

    `stop` is the grade of a stop candidate, `reason` what it writes before an answer where it may.
    `calls`, `tokens`, `shown` passages and `rounds` count what was asked; concurrent calls that start
    while none has ended are one round.
    """

    grades: Mapping[str, Mapping[str, float]]
    noise: Noise = field(default_factory=Noise)
    seed: int = 0
    stop: float = 0.5
    reason: str = "I compare them."
    calls: int = 0
    tokens: int = 0
    rounds: int = 0
    shown: int = 0
    _waiting: int = 0

    @property
    def name(self) -> str:
        """It has no version: its answers follow from its fields."""
        return "judge"

    @property
    def available(self) -> bool:
        """Always."""
        return True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """Scores or an order, as the prompt's instructions ask for."""
        prompt = request.prompt
        rng = self._rng(prompt, request.seed)
        instructions, labels, believed = self._believed(prompt, rng)
        if rng.random() < self.noise.malformed:
            text = _spoilt(rng, labels)
        else:
            text = _answer(instructions, labels, believed)
            if "<answer>" in instructions:
                text = f"<reason>{self.reason}</reason><answer>{text}</answer>"
        return Generation(text, usage=await self._counted(prompt, text))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities by a softmax over what it believes of each option."""
        rng = self._rng(prompt, 0)
        instructions, labels, believed = self._believed(prompt, rng)
        if set(options) == {"yes", "no"}:
            level = _logistic((believed[0] - 0.5) * 8)
            values = tuple(level if option == "yes" else 1 - level for option in options)
        elif labels and set(options) <= set(labels):
            sign = -1.0 if _picks_worst(instructions) else 1.0
            values = _softmax([sign * 8 * believed[labels.index(option)] for option in options])
        else:
            top = max(float(option) for option in options)
            values = _softmax([-((believed[0] * top - float(option)) ** 2) / 2 for option in options])
        return Probabilities(values, await self._counted(prompt, "x"))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """One noisy grade a text."""
        rng = random.Random(f"{self.seed}/{query}/{len(texts)}")  # noqa: S311
        known = self.grades.get(query, {})
        self.shown += len(texts)
        values = tuple(known.get(text, 0.0) + rng.gauss(0, self.noise.random) for text in texts)
        usage = await self._counted([Message("user", query + "\n".join(texts))], "")
        return Scores(values, usage)

    def _grade(self, known: Mapping[str, float], text: str) -> float:
        return known.get(text, self.stop if text.startswith(_STOP) else 0.0)

    def held(self, value: float) -> float:
        """What is believed, within the ends of a scale."""
        return min(1.0, max(0.0, value))

    def fault(self, prompt: Sequence[Message], seed: int = 0) -> tuple[float, float]:
        """Shift and scale of the call with this prompt: what a study may know, and a strategy may not."""
        return self._fault(self._rng(prompt, seed))

    def _fault(self, rng: random.Random) -> tuple[float, float]:
        """The first that a call draws."""
        return rng.gauss(0, self.noise.shift), math.exp(rng.gauss(0, self.noise.scale))

    def _rng(self, prompt: Sequence[Message], seed: int) -> random.Random:
        digest = hashlib.sha256("\n".join(message.text for message in prompt).encode()).hexdigest()
        return random.Random(f"{self.seed}/{seed}/{digest}")  # noqa: S311

    def _believed(self, prompt: Sequence[Message], rng: random.Random) -> tuple[str, list[str], list[float]]:
        """Instructions, labels, and the noisy grade of each passage shown."""
        asked = re.search(r"^[A-Z]\w+: (\".*\")$", prompt[-1].text, re.MULTILINE)
        question = json.loads(asked.group(1)) if asked else ""
        shown = [json.loads(line) for line in prompt[-1].text.splitlines() if line.startswith('{"passage"')]
        known = self.grades.get(question, {})
        noise = self.noise
        self.shown += len(shown)
        shift, scale = self._fault(rng)
        last = max(1, len(shown) - 1)
        believed = [
            self.held(scale * (self._grade(known, entry["text"]) + rng.gauss(0, noise.random)) + shift)
            - noise.position * position / last
            for position, entry in enumerate(shown)
        ]
        return prompt[0].text, [entry["passage"] for entry in shown], [self.held(value) for value in believed]

    async def _counted(self, prompt: Sequence[Message], text: str) -> Usage:
        import asyncio

        if self._waiting == 0:
            self.rounds += 1
        self._waiting += 1
        # Everything that was asked side by side arrives before the first answer leaves.
        for _ in range(3):
            await asyncio.sleep(0)
        self._waiting -= 1
        usage = Usage(1, sum(token_count(message.text) for message in prompt), token_count(text))
        self.calls += 1
        self.tokens += usage.tokens
        return usage


#: How the text of a stop candidate begins.
_STOP = "No other "


def _picks_worst(instructions: str) -> bool:
    return bool(re.search(r"You pick the [^.]* least\.", instructions))


def _answer(instructions: str, labels: Sequence[str], believed: Sequence[float]) -> str:
    """What is asked for, as the instructions ask for it."""
    order = sorted(range(len(labels)), key=lambda position: (-believed[position], position))
    if "maps each" in instructions:
        top = re.search(r"from 0 (?:\([^)]*\) )?to (\d+)", instructions)
        highest = int(top.group(1)) if top else 10
        grades = [round(highest * score) for score in believed]
        return json.dumps(dict(zip(labels, grades, strict=True)))
    if "ranking of the" in instructions:
        return json.dumps({"ranking": [int(labels[position]) for position in order]})
    if "You pick" in instructions:
        return labels[order[-1] if _picks_worst(instructions) else order[0]]
    if "yes or no" in instructions:
        return "yes" if believed[0] > 0.5 else "no"
    top = re.search(r"from 0 (?:\([^)]*\) )?to (\d+)", instructions)
    return str(round((int(top.group(1)) if top else 10) * believed[0]))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _softmax(values: Sequence[float]) -> tuple[float, ...]:
    top = max(values)
    weights = [math.exp(value - top) for value in values]
    return tuple(weight / sum(weights) for weight in weights)


def _spoilt(rng: random.Random, labels: Sequence[str]) -> str:
    """What models write when they do not do what was asked."""
    return rng.choice(
        [
            "",
            "I cannot rank these passages.",
            '{"1": ',
            "[0] > [99] > [1]",
            " ".join(labels[: len(labels) // 2]),
            '{"scores": "high"}',
        ]
    )
