"""Words are runs of letters and digits, of any script and however a text is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.words import words, written_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's half-done: 3.5 mm_wide", ["It", "s", "half", "done", "3", "5", "mm", "wide"]),
        ("„Größe“ – naïve…", ["Größe", "naïve"]),
        ("数字１２ и слова", ["数字１２", "и", "слова"]),
        ("a\ud800b\u00a0c\u2028d\x1fe", ["a", "b", "c", "d", "e"]),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_they_are_runs_of_letters_and_digits_with_their_marks(text: str) -> None:
    bare = ["".join(filter(str.isalnum, word)) for word in words(text)]
    assert "".join(bare) == "".join(filter(str.isalnum, text))
    assert all(bare)
    if text.isascii():
        assert words(text) == re.findall(r"[^\W_]+", text)


@pytest.mark.parametrize("text", ["it's 3.5 ORD-2024-18", "कितने दिन हिन्दी", "re\u0301sume\u0301", "กี่วัน"])
def test_words_as_people_write_them_are_not_torn(text: str) -> None:
    assert written_words(f"({text}?)") == text.split()
