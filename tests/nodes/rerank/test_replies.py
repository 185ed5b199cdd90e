"""Reading what models write: a corpus of replies, each with its right reading, and any text at all.

`replies.jsonl` has a reply a line: its `kind`, the number of passages, the right `reading` with passages
counted from 1, and its `source`: *made* by us, made in the *format of* a paper, or *real*, and of what.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.nodes.rerank.replies.orders import parse_order
from orchestrator.nodes.rerank.replies.scores import parse_scores
from orchestrator.nodes.rerank.replies.verdicts import parse_choice, parse_grade
from tests.quick_selection import examples

CORPUS: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("replies.jsonl").read_text(encoding="utf-8").splitlines()
]


def reading(case: dict[str, Any]) -> Any:
    """What is read of a reply, as the corpus writes it down."""
    reply, size = case["reply"], case["size"]
    if case["kind"] == "scores":
        return {str(number + 1): round(score, 4) for number, score in parse_scores(reply, size).items()}
    if case["kind"] == "order":
        return [number + 1 for number in parse_order(reply, size)]
    if case["kind"] == "choice":
        chosen = parse_choice(reply, case["options"])
        return None if chosen is None else case["options"][chosen]
    return parse_grade(reply, 0, size)


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("case", CORPUS, ids=[f"{one['kind']}-{at}" for at, one in enumerate(CORPUS, 1)])
def test_every_reply_of_the_corpus_is_read_right(case: dict[str, Any]) -> None:
    assert reading(case) == case["reading"], case["reply"]


def test_the_corpus_is_large_and_says_where_its_replies_are_from() -> None:
    kinds = Counter(case["kind"] for case in CORPUS)
    assert kinds["scores"] + kinds["order"] >= 150
    assert kinds["choice"] + kinds["grade"] >= 30
    assert all(case["source"].startswith(("made", "format of ", "real: ")) for case in CORPUS)
    assert len({(case["kind"], case["size"], case["reply"]) for case in CORPUS}) == len(CORPUS)


#: Pieces of which replies are made, so that random ones come near to real ones.
PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            "{ } [ ] \" ' : , > = | - \n ** 1. 2) Passage passage_ [3] score Score: Relevance 8 8/10 80% 0.5 "
            "<think> </think> <answer> </answer> <reason> ``` json ranking scores id 12 9999999999 -3 1e400 "
            "NaN high yes A B best worst |---| Rank the final answer:".split(" ")
        ),
        st.text(max_size=6),
    ),
    max_size=60,
)


@settings(max_examples=examples(400), deadline=None)
@given(st.one_of(st.text(), PIECES.map("".join), PIECES.map(" ".join)), st.integers(0, 30))
def test_any_text_is_read_without_an_error_and_names_no_stranger(text: str, size: int) -> None:
    order = parse_order(text, size)
    assert all(0 <= number < size for number in order)
    assert len(set(order)) == len(order)
    assert all(0 <= number < size and 0 <= score <= 10 for number, score in parse_scores(text, size).items())
    chosen = parse_choice(text, ("yes", "no"))
    assert chosen is None or chosen in (0, 1)
    grade = parse_grade(text, 0, 10)
    assert grade is None or 0 <= grade <= 10


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=300), st.integers(2, 12), st.randoms())
def test_what_is_thought_is_never_an_answer(thought: str, size: int, chance: Any) -> None:
    order = list(range(size))
    chance.shuffle(order)
    thought = thought.replace("<", "")
    said = f"<think>{thought}</think>" + " > ".join(f"[{number + 1}]" for number in order)
    assert parse_order(said, size) == order
    assert parse_scores(f"<think>{thought}", size) == {}


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.integers(0, 10), min_size=2, max_size=12), st.integers(0, 200))
def test_what_a_cut_reply_has_said_before_stands(scores: list[int], length: int) -> None:
    whole = json.dumps({str(number): score for number, score in enumerate(scores, 1)})
    read = parse_scores(whole[:length], len(scores))
    assert all(scores[number] == score for number, score in read.items())
    complete = whole[:length].count(",") + whole[:length].count("}")
    assert len(read) == complete


@given(st.lists(st.floats(0, 100), min_size=2, max_size=12, unique=True))
def test_another_scale_keeps_the_order_and_makes_no_ties(values: list[float]) -> None:
    values = [round(value, 3) for value in values]
    read = parse_scores(
        json.dumps({str(number): value for number, value in enumerate(values, 1)}), len(values)
    )
    for one, first in enumerate(values):
        for other, second in enumerate(values):
            assert (first < second) == (read[one] < read[other])
