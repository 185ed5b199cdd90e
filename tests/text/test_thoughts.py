"""What a model thinks is told apart from what it answers, however the text is cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.thoughts import ThoughtFilter, answer_of, split_thoughts

#: A reply, what it says, and what was thought.
REPLIES = [
    ("Paris.", "Paris.", ""),
    ("  Paris.\n", "  Paris.\n", ""),
    ("<think>a city</think>\n\nParis.", "Paris.", "a city"),
    ("<THINK>a city</Think>Paris.", "Paris.", "a city"),
    ("<thinking>a</thinking>b<thinking>c</thinking>d", "bd", "a\nc"),
    ("<reason>[1] is best</reason><answer>[1]</answer>", "<answer>[1]</answer>", "[1] is best"),
    ("<reasoning>r</reasoning>x", "x", "r"),
    ("Okay, so…\n</think>\nParis.", "Paris.", "Okay, so…"),
    ("a</think>b</think>c", "c", "a\nb"),
    ("<think>one <think> two</think>three", "three", "one <think> two"),
    ("<think>", "", ""),
    ("<think></think>", "", ""),
    ("<think>It goes on and", "", "It goes on and"),
    ("Begun, <think>and then", "Begun, ", "and then"),
    ("[THINK]m[/THINK]x", "x", "m"),
    ("◁think▷k◁/think▷x", "x", "k"),
    (
        "<|channel|>analysis<|message|>h<|end|><|start|>assistant<|channel|>final<|message|>Paris.<|return|>",
        "Paris.",
        "h",
    ),
    ("<|channel|>analysis<|message|>h<|channel|>final<|message|>x", "x", "h"),
    ("Use the tag `<think>` here.", "Use the tag `<think>` here.", ""),
    ("As `a <think> b` has it.", "As `a <think> b` has it.", ""),
    ("A ` alone.\n<think>Hm.</think>So.", "A ` alone.\nSo.", "Hm."),
    ('{"tag": "<think>", "end": "</think>"}', '{"tag": "<think>", "end": "</think>"}', ""),
    ("Write:\n```\n<think>\nHm.\n</think>\n```\nSo.", "Write:\n```\n<think>\nHm.\n</think>\n```\nSo.", ""),
    ("```\nx\n```\n<think>Hm.</think>So.", "```\nx\n```\nSo.", "Hm."),
    ("I <thin", "I <thin", ""),
    ("1 < 2 and <b>bold</b>", "1 < 2 and <b>bold</b>", ""),
    ("İ<think>İİ</think>İ", "İİ", "İİ"),
    ("", "", ""),
]


@pytest.mark.parametrize(("reply", "text", "thoughts"), REPLIES)
def test_thoughts_are_told_apart(reply: str, text: str, thoughts: str) -> None:
    split = split_thoughts(reply)
    assert (split.text, split.thoughts) == (text, thoughts)


@pytest.mark.parametrize(("reply", "text", "thoughts"), REPLIES)
def test_a_stream_is_read_the_same_wherever_it_is_cut(reply: str, text: str, thoughts: str) -> None:
    rng = random.Random(0)
    for _ in range(40):
        found = ThoughtFilter()
        shown = ""
        at = 0
        while at < len(reply):
            size = rng.choice((1, 1, 2, 3, 7, 20))
            shown += found.feed(reply[at : at + size])
            at += size
        shown += found.close()
        assert (found.text, found.thoughts) == (text, thoughts)
        # A thought whose beginning the template wrote is known by its end alone.
        assert found.headless or shown == text


@given(st.text(alphabet="ab<>/think |", max_size=60), st.lists(st.integers(1, 9), max_size=60))
def test_any_text_is_read_the_same_in_pieces(text: str, sizes: list[int]) -> None:
    found = ThoughtFilter()
    at = 0
    for size in sizes:
        found.feed(text[at : at + size])
        at += size
    found.feed(text[at:])
    found.close()
    whole = split_thoughts(text)
    assert (found.text, found.thoughts, found.unclosed) == (whole.text, whole.thoughts, whole.unclosed)


def test_a_thought_that_does_not_end_is_no_answer() -> None:
    assert split_thoughts("<think>Yes, since").unclosed
    assert not split_thoughts("<think>Yes</think>").unclosed
    assert answer_of("<think>the answer is <answer>[2]</answer> or") == ""


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<think>[2] > [1]</think><answer>[1] > [2]</answer>", "[1] > [2]"),
        ('<reason>so</reason>\n<Answer>\n{"[1]": 9}\n</Answer> Done.', '{"[1]": 9}'),
        ("<answer>[1]</answer> or rather <answer>[2]</answer>", "[2]"),
        ("<answer>[1] > [2] >", "[1] > [2] >"),
        ("[3]</answer>", "[3]</answer>"),
        (" [1] ", "[1]"),
        ("I think <answer>[2]</answer>.</think> <answer>[1]</answer>", "[1]"),
    ],
)
def test_the_answer_is_what_the_last_answer_tag_holds(reply: str, answer: str) -> None:
    assert answer_of(reply) == answer


def test_other_tags_can_be_named() -> None:
    assert split_thoughts("<seed:think>a</seed:think>b", tags=["seed:think"]).text == "b"
    assert split_thoughts("((a))b", tags=["(( ))"]).text == "b"
    assert split_thoughts("<reason>a</reason>b", tags=["think"]).text == "<reason>a</reason>b"


def test_a_text_that_begins_in_a_thought_shows_nothing_of_it() -> None:
    found = ThoughtFilter(inside=True)
    shown = [found.feed(piece) for piece in ("Okay, ", "so</th", "ink>\n", "\nPar", "is.")]
    shown.append(found.close())
    assert "".join(shown) == found.text == "Paris."
    assert found.thoughts == "Okay, so"


def test_a_text_that_was_taken_to_begin_in_a_thought_is_an_answer_if_it_is_complete() -> None:
    found = ThoughtFilter(inside=True)
    assert found.feed("Paris.") == ""
    assert found.close() == found.text == "Paris."
    assert (found.thoughts, found.unclosed) == ("", False)
    cut = ThoughtFilter(inside=True)
    cut.feed("Okay, so")
    assert cut.close(complete=False) == cut.text == ""
    assert cut.unclosed


def test_what_was_shown_stands_where_it_cannot_be_taken_back() -> None:
    found = ThoughtFilter(stands=True)
    shown = found.feed("Okay.") + found.feed("</think> So.") + found.close()
    assert shown == found.text == "Okay. So."
    assert not found.headless
