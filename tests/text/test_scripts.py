from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.scripts import by_language, clusters, shingles, with_terms
from orchestrator.text.words import words


@pytest.mark.parametrize(
    ("run", "terms"),
    [
        ("年假", ["年假"]),
        ("未使用的", ["未使", "使用", "用的"]),
        ("茶", ["茶茶"]),
        ("데이터", ["데이", "이터"]),
        ("ปลา", ["ปลา"]),
        ("วันลา", ["วันล", "นลา"]),
    ],
)
def test_a_run_without_spaces_is_cut_into_terms(run: str, terms: list[str]) -> None:
    assert shingles(run) == terms


def test_a_mark_stays_with_its_character() -> None:
    assert clusters("กี่") == ["กี่"]


def test_what_has_spaces_is_left_as_it_is() -> None:
    assert with_terms("plain text") == "plain text"
    assert with_terms("Größe 12 см") == "Größe 12 см"
    assert with_terms("ISO標準file").split() == ["ISO", "標準", "file"]


def test_a_text_is_parted_by_the_languages_of_its_scripts() -> None:
    parts = by_language("Der Bär ist медведь oder αρκούδα.")
    assert parts["russian"] == "медведь"
    assert parts["greek"] == "αρκούδα"
    assert words(parts[""]) == ["Der", "Bär", "ist", "oder"]


def test_a_neighbour_of_the_script_is_not_stemmed_as_its_largest_language() -> None:
    assert set(by_language("Київ є столицею України")) == {""}
    assert set(by_language("این کتاب گران است")) == {""}


@given(st.text(max_size=200))
def test_no_letter_is_lost(text: str) -> None:
    joined = "".join(by_language(text).values())
    assert sorted(filter(str.isalnum, joined)) == sorted(filter(str.isalnum, text))


@pytest.mark.parametrize("text", ["हिन्दी में", "naïve café", "e\u0301te\u0301", "กี่วัน", "தமிழ் மொழி"])
def test_marks_do_not_cut_words(text: str) -> None:
    assert words(text) == text.split()
