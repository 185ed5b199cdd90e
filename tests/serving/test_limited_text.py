"""A text ends before a stop sequence or after a number of tokens, the same in one piece and in many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.serving.wire.limited_text import LimitedText


def shown(pieces: list[str], stops: list[str], tokens: int | None = None) -> tuple[str, str | None]:
    text = LimitedText(stops, tokens)
    counted = tokens is not None
    said = "".join([*(text.add(piece, counted=counted) for piece in pieces), text.close(counted=counted)])
    assert text.length == len(said)
    return said, text.end


@pytest.mark.parametrize(
    ("text", "stops", "expected", "end"),
    [
        ("one two three", [], "one two three", None),
        ("one two three", ["two"], "one ", "stop"),
        ("one two three", ["one"], "", "stop"),
        ("one two three", ["four"], "one two three", None),
        ("one two thre", ["three"], "one two thre", None),
        ("abcd", ["abcd", "bc"], "a", "stop"),
        ("aab", ["ab"], "a", "stop"),
        ("one\n\ntwo", ["\n\n", "\n"], "one", "stop"),
    ],
)
def test_the_sequence_that_is_complete_first_ends_the_text(
    text: str, stops: list[str], expected: str, end: str | None
):
    assert shown([text], stops) == (expected, end)
    assert shown(list(text), stops) == (expected, end)


@given(
    st.lists(st.text("ab \n", max_size=6), max_size=8),
    st.lists(st.text("ab \n", min_size=1, max_size=4), max_size=4),
    st.none() | st.integers(1, 6),
)
def test_pieces_make_no_difference(pieces: list[str], stops: list[str], tokens: int | None):
    whole = "".join(pieces)
    said, end = shown(pieces, stops, tokens)
    assert (said, end) == shown([whole], stops, tokens)
    assert whole.startswith(said)
    assert not any(stop in said for stop in stops)
    assert (end is None) == (said == whole)


def test_nothing_that_can_be_shown_is_held_back():
    text = LimitedText(["END"])
    assert [text.add(piece) for piece in ("one ", "E", "N", "X", "EN", "D of it", "more")] == [
        "one ", "", "", "ENX", "", "", "",
    ]  # fmt: skip
    assert text.end == "stop"


@pytest.mark.parametrize(
    ("text", "tokens", "expected", "end"),
    [
        ("one two three", 2, "one two", "length"),
        ("one two three", 3, "one two three", None),
        ("one two three ", 3, "one two three ", None),
        ("鯨は何を食べますか", 4, "鯨は何を", "length"),
    ],
)
def test_a_limit_is_kept_at_the_end_of_a_word(text: str, tokens: int, expected: str, end: str | None):
    assert shown([text], [], tokens) == (expected, end)


def test_what_a_model_wrote_is_not_counted_again():
    text = LimitedText([], 1)
    assert text.add("one two three") == "one two three"
    assert text.end is None


def test_a_stop_sequence_that_is_longer_than_the_text_costs_no_more_than_the_text():
    text = LimitedText(["a" * 1_000_000])
    assert "".join(text.add("a" * 10) for _ in range(20)) == ""
    assert text.close() == "a" * 200
