"""Quotes read like an answer: in order, with what they need, their citation behind the last words."""

from __future__ import annotations

import pytest

from connectors.bm25 import Bm25Encoder
from orchestrator.nodes.answer._evidence import Evidence, gather
from orchestrator.nodes.answer._extractive_answer import quotation, quotes, unsaid
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._quoting import excerpt_text
from orchestrator.nodes.answer._sentence_scores import Balance, sentence_scores
from orchestrator.types import Passage, Query

ENCODER = Bm25Encoder()


def gathered(question: str, *texts: str, title: str = "") -> Evidence:
    passages = [Passage(id=str(n), document="d", text=text, title=title) for n, text in enumerate(texts)]
    return gather(passages, question_terms(Query(question), ENCODER), ENCODER)


def answered(question: str, *texts: str, sentences: int = 5, title: str = "") -> list[str]:
    found = gathered(question, *texts, title=title)
    scores = sentence_scores(found, None, Balance())
    allowed = range(len(found.candidates))
    chosen = quotes(found, scores, found.coverage, allowed, sentences=sentences)
    return [quotation(found, quote, n) for n, quote in enumerate(chosen, 1)]


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        (
            "krill",
            "Whales eat krill. Ships sail. Krill is small.",
            "Whales eat krill. Ships sail. Krill is small. [1]",
        ),
        (
            "krill",
            "Krill is small. Ships sail. Nails rust. Krill swims.",
            "Krill is small. … Krill swims. [1]",
        ),
        ("krill", "It is said.\n\nWhales swim. They eat krill.", "Whales swim. They eat krill. [1]"),
        (
            "price of saws",
            "| tool | price |\n|--|--|\n| saws | 7 |\n| nails | 1 |",
            "tool: saws; price: 7 [1]",
        ),
        ("make demo", "Run it:\n\n```\nmake demo\n```", "Run it: [1]\n\n    make demo"),
        (
            "builds",
            "In a checkout:\n\n```\nmake\n```\n\nIt builds ships. Rest.",
            "In a checkout:\n\n    make\n\nIt builds ships. [1]",
        ),
        ("saws nails", "Needed:\n\n- saws\n- tar\n- nails", "Needed:\n\n- saws\n- nails [1]"),
        ("saws", "Needed.\n\n- saws\n- tar", "saws [1]"),
        ("install windows", "## Windows\n\nInstall with care.", "Windows: Install with care. [1]"),
        ("How to install?", "## How do I install?\n\nUse care. And make.", None),
        ("saws", "Buy:\n\n- saws\n- tar", "Buy:\n\n- saws [1]"),
        ("krill", "> Whales eat **krill**[^1].", "Whales eat krill. [1]"),
    ],
)
def test_a_quote_reads_like_text(question: str, text: str, expected: str | None) -> None:
    [quote] = answered(question, text, sentences=2)
    assert quote == (expected or "How do I install? Use care. And make. [1]")


def test_a_title_introduces_what_would_not_name_its_subject() -> None:
    assert answered("When was Ada Lovelace born?", "Born in 1815.", title="Ada Lovelace") == [
        "Ada Lovelace: Born in 1815. [1]"
    ]
    assert answered("make", "```\nmake all\n```", title="Guide") == ["Guide: [1]\n\n    make all"]


def test_quotes_are_grouped_by_passage_the_best_first() -> None:
    parts = answered(
        "blue whales eat krill", "Whales are big. Krill is small.", "Blue whales eat krill. Whales sing."
    )
    assert parts[0].startswith("Blue whales eat krill.")
    assert [part[-3:] for part in parts] == [f"[{n}]" for n in range(1, len(parts) + 1)]


def test_sentences_far_less_relevant_than_the_best_are_left_out() -> None:
    assert answered("blue whales eat krill", "Blue whales eat krill. They sing. Whales exist.") == [
        "Blue whales eat krill. [1]"
    ]


def test_long_code_and_drawings_are_not_quoted() -> None:
    code = "\n".join(f"krill({number})" for number in range(30))
    assert answered("krill", f"Krill swims.\n\n```\n{code}\n```") == ["Krill swims. [1]"]
    assert answered("krill", "Krill swims.\n\n```mermaid\nkrill --> whale\n```") == ["Krill swims. [1]"]


def test_no_more_than_three_passages_are_quoted() -> None:
    assert len(answered("krill", *(f"Krill swims {word}." for word in ("up", "far", "fast", "low")))) == 3


def test_unsaid_words_are_those_no_passage_has_in_any_form() -> None:
    found = gathered("Do whales eat Kubernetes?", "A whale was eating krill.")
    words = {word: ENCODER.query(word).indices for word in ("Do", "whales", "eat", "Kubernetes")}
    assert unsaid(words, found) == ["Kubernetes"]


def test_an_excerpt_keeps_blanks_and_marks_gaps() -> None:
    text = "One.\n\nTwo. Three. Four."
    assert excerpt_text(text, [(0, 4), (6, 10), (18, 23)]) == "One.\n\nTwo. … Four."
