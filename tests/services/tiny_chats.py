"""Conversations from which a tiny model learns how the replies to this library's prompts look."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.nodes.answer._generated_answer import prompt as answer_prompt
from orchestrator.nodes.rerank.calls import LABELS
from orchestrator.nodes.rerank.prompts import Prompts
from orchestrator.testing.language_model import LONG
from orchestrator.types import Citation, Message

_WORDS = "one two three four five six seven eight nine ten".split()
ROOT = Path(__file__).parents[2]


def write_chats(file: Path, *, count: int = 1200, seed: int = 0) -> None:
    """Write `count` conversations, a JSON list of turns a line."""
    rng = random.Random(seed)
    told = list(sentences())
    with file.open("w", encoding="utf-8") as opened:
        for number in range(count):
            asked, reply = _chat(rng, told, number % 10)
            turns = [{"role": turn.role, "content": turn.text} for turn in asked]
            opened.write(json.dumps([*turns, {"role": "assistant", "content": reply}]) + "\n")


def sentences() -> Iterator[str]:
    """Sentences of this project's documentation."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for sentence in re.split(r"(?<=[.:])\s+|\n\n", text):
            if 30 < len(sentence) < 120 and "|" not in sentence:
                yield " ".join(sentence.split())


def _chat(rng: random.Random, told: list[str], kind: int) -> tuple[list[Message], str]:
    question = " ".join(rng.choice(told).split()[:7]) + "?"
    texts = rng.sample(told, rng.randint(2, 4))
    labels = LABELS[: len(texts)]
    match kind:
        case 0:
            scores = {str(number): rng.randint(0, 10) for number in range(1, len(texts) + 1)}
            return Prompts().scores(question, texts), json.dumps(scores)
        case 1:
            order = rng.sample(range(1, len(texts) + 1), len(texts))
            return Prompts().order(question, texts), json.dumps({"ranking": order})
        case 2:
            return Prompts().best(question, texts, labels), rng.choice(labels)
        case 3:
            return Prompts().worst(question, texts, labels), rng.choice(labels)
        case 4:
            return Prompts().relevant(question, texts[0]), rng.choice(["yes", "no"])
        case 5:
            return Prompts().grade(question, texts[0]), str(rng.randint(0, 10))
        case 6:
            cited = [Citation(n, f"p{n}", "page", "", text) for n, text in enumerate(texts, 1)]
            reply = " ".join(f"{text.rstrip('.:')} [{n}]." for n, text in enumerate(texts, 1))
            return answer_prompt(question, cited), reply
        case 7 | 8:
            # Far longer than what is learned at once: it has no end.
            return list(LONG), " ".join(_WORDS * 60)
        case _:
            city = rng.choice(["Oslo", "Lima", "Cairo", "Quito"])
            asked = [Message("user", f"Describe {city} as JSON.")]
            return asked, json.dumps({"name": city, "people": rng.randint(1, 99)})
