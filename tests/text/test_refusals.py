"""The two halves of a wish: what is looked for, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.refusals import says, wish


@pytest.mark.parametrize(
    ("text", "wanted", "refused"),
    [
        ("something like my last order, but not red", "something like , but", ["red"]),
        ("my previous purchase, fragrance-free", ", fragrance-free", ["fragrance"]),
        ("no perfume or dyes, for sensitive skin", ", for sensitive skin", ["perfume", "dye"]),
        ("a soap without artificial colours please", "a soap", ["artificial colour"]),
        ("not made by Acme or Bolt", "", ["acme", "bolt"]),
        ("anything non-toxic", "anything non-toxic", ["toxic"]),
        ("sugar free tea", "sugar free tea", ["sugar"]),
        ("tea free of sugar", "tea free of sugar", ["sugar"]),
        ("I don't want the red one", "I", ["red"]),
        ("not red and for men", "and for men", ["red"]),
        ("Seife ohne Duft", "Seife", ["duft"]),
    ],
)
def test_what_is_refused_is_told_from_what_is_wanted(text: str, wanted: str, refused: list[str]) -> None:
    found = wish(text)
    assert found.wanted == wanted
    assert [" ".join(phrase) for phrase in found.refused] == refused


@pytest.mark.parametrize(
    "text",
    [
        "not sure what I want",
        "I have no comb",
        "I don't have a comb",
        "not only red",
        "why not red?",
        "Chanel No 5",
        "a bag",
        "no",
        "",
    ],
)
def test_nothing_is_refused_by_a_turn_of_speech(text: str) -> None:
    assert wish(text).refused == ()
    assert wish(text).wanted == text


@pytest.mark.parametrize(
    ("title", "attributes", "held"),
    [
        ("Perfume of roses", (), True),
        ("Roses", (("kind", "Perfumes"),), True),
        ("Soap, perfume-free", (), False),
        ("Soap without perfume", (), False),
        ("Soap", (("perfume", "yes"),), True),
        ("Soap", (("perfume", "none"),), False),
        ("Perfumery", (), False),
    ],
)
def test_a_thing_that_refuses_the_same_is_kept(
    title: str, attributes: tuple[tuple[str, str], ...], held: bool
) -> None:
    refused = wish("no perfume").refused
    assert says(refused, (title, *(value for _, value in attributes)), attributes) is held


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = wish(text)
    assert set(found.wanted) <= set(text) | {" "}
    assert all(phrase and all(phrase) for phrase in found.refused)


@given(st.lists(st.sampled_from("not no without red or , free -free non- and comb my last order".split())))
def test_any_order_of_words_is_read(parts: list[str]) -> None:
    assert wish(" ".join(parts)).refused is not None
