"""What reads alike is written alike before it is searched."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.normalization import normalized, with_arabic_letters


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (unicodedata.normalize("NFD", "Größe"), "Größe"),
        ("ﬁnite", "finite"),
        ("ＡＢＣ１２", "ABC12"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("ﻛﺘﺎﺏ", "كتاب"),
        ("كـــتاب", "كتاب"),
        ("كِتَابٌ", "كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("soft\u00adware", "software"),
        ("soft\u200bware", "software"),
        ("\ufeffword", "word"),
        ("ё", "е"),
        ("۱۲۳", "123"),
        ("१२३", "123"),
        ("๑๒๓", "123"),
        ("हिंदी", "हिन्दी"),
        ("पाँच", "पाञ्च"),
        ("फ़र्क", "फर्क"),
    ],
)
def test_what_reads_alike_is_written_alike(written: str, plain: str) -> None:
    assert normalized(written) == plain


def test_letters_that_keyboards_give_for_one_another_are_one() -> None:
    assert with_arabic_letters("ایران") == with_arabic_letters("ايران")
    assert with_arabic_letters("کتاب") == with_arabic_letters("كتاب")


@given(st.text(max_size=100))
def test_any_text_has_one_form(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)
