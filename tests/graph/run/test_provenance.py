"""Which passages a prompt quotes, however a node put them there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.graph.run.provenance import Reading

BEES = 'Bees dance to tell where flowers are. A hive has one queen, and she lays\nall "eggs" of the hive.'
TIDES = "Tides follow the moon.\nSpring tides come with the full moon, neap tides with its quarters."
GREEK = "Οι μέλισσες χορεύουν για να δείξουν πού είναι τα λουλούδια."


@pytest.fixture
def reading() -> Reading:
    read = Reading()
    read.note("bees", BEES, "On the life of bees")
    read.note("tides", TIDES, "Tides")
    read.note("greek", GREEK)
    return read


@pytest.mark.parametrize(
    ("prompt", "quoted"),
    [
        (f"Passage: {BEES}", ["bees"]),
        (json.dumps({"text": BEES}), ["bees"]),
        (json.dumps({"text": GREEK}), ["greek"]),
        (json.dumps(json.dumps({"text": f"{BEES}{TIDES}"})), ["bees", "tides"]),
        ("SPRING   TIDES COME — with the full moon", ["tides"]),
        ("What is known on the life of bees?", ["bees"]),
        ("Do bees dance? Are there tides?", []),
        ("", []),
    ],
)
def test_a_passage_is_quoted_by_a_run_of_its_letters_or_its_title(
    reading: Reading, prompt: str, quoted: list[str]
) -> None:
    assert reading.quoted(prompt) == quoted


def test_a_passage_too_short_to_be_told_from_chance_is_in_every_prompt() -> None:
    reading = Reading()
    assert reading.quoted("anything") == []
    reading.note("short", "The moon.")
    assert reading.quoted("anything") == ["short"]


def test_what_is_read_after_a_prompt_counts_for_the_next(reading: Reading) -> None:
    assert reading.quoted(f"{BEES}") == ["bees"]
    reading.note("new", "Moths fly at night, and sleep in the bark of old trees by day.")
    assert reading.quoted("They sleep in the bark of old trees by day.") == ["new"]


#: Signs that JSON writes otherwise, that are written with strokes, and letters beyond the first 65,536.
LETTERS = st.text(st.one_of(st.sampled_from("abcxyz0189éλ中𞤀𝒜"), st.characters()), max_size=200)
FORMULA = (
    r"\frac{\partial u}{\partial t} = \nu \nabla^2 u + \beta \theta \rho, \underline{x} \in \mathbb{R}^n"
)
ADLAM = "𞤀𞤣𞤤𞤢𞤥 𞤲𞤮 𞤱𞤭𞤲𞤣𞤭𞤪𞤫 𞤨𞤵𞤤𞤢𞤪 𞤫 𞤲𞤣𞤫𞤪 𞤀𞤬𞤪𞤭𞤳𞤢"


def as_it_is(text: str) -> str:
    return text


def as_json(text: str) -> str:
    return json.dumps({"text": text})


def as_json_within_json(text: str) -> str:
    return json.dumps([json.dumps({"text": text}, ensure_ascii=False)])


def as_json_twice(text: str) -> str:
    return json.dumps({"said": json.dumps({"text": text})})


WAYS = (as_it_is, as_json, as_json_within_json, as_json_twice)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text", [BEES, GREEK, FORMULA, ADLAM, r"C:\new\table\report\file of every bee\'s name"]
)
def test_a_passage_is_found_however_often_it_is_written_as_json(text: str, way: Callable[[str], str]) -> None:
    reading = Reading()
    reading.note("it", text)
    reading.note("other", TIDES)
    assert reading.quoted(f"Excerpts: {way(text)}") == ["it"]


def shown(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isascii() and sign.isalnum())


@given(st.text(min_size=1, max_size=400), st.text(max_size=80), st.data())
def test_every_run_of_23_letters_of_a_text_quotes_it(text: str, around: str, data: st.DataObject) -> None:
    long = f"{shown(text)}thisiswhatiswrittenhereforeverybodytoread"
    start = data.draw(st.integers(0, len(long) - 23))
    reading = Reading()
    reading.note("it", long)
    part = long[start : start + 23]
    assert reading.quoted(json.dumps({"shown": f"{around} {part}"})) == ["it"]


@given(
    st.lists(st.tuples(LETTERS, LETTERS), max_size=30), st.integers(1, 7), st.sampled_from(WAYS), st.data()
)
def test_whatever_is_read_in_whatever_order_is_found_where_it_is_quoted(
    read: list[tuple[str, str]], at_once: int, way: Callable[[str], str], data: st.DataObject
) -> None:
    """Prompts come between what is read, so that what was looked into is put together again and again."""
    reading = Reading()
    for number, (text, title) in enumerate(read):
        reading.note(str(number), text, title)
        if number % at_once == 0:
            reading.quoted("something else")
    for number, (text, title) in enumerate(read):
        assert str(number) in reading.quoted(f"Excerpt: {way(text)} of {number}")
        if len([sign for sign in title if sign.isalnum()]) >= 8 and "\\" not in title:
            assert str(number) in reading.quoted(f"On {way(title)}.")


def test_a_title_that_begins_and_ends_as_others_do_is_its_own() -> None:
    reading = Reading()
    for name in ("bees", "wasps", "hornets"):
        reading.note(name, f"{BEES} {name}", f"Notes on the life of {name} in the countries of the north")
    prompt = "Who wrote the notes on the life of wasps in the countries of the north?"
    assert reading.quoted(prompt) == ["wasps"]


def test_a_passage_that_was_edited_is_known_by_both_texts() -> None:
    reading = Reading()
    reading.note("it", BEES)
    reading.note("it", TIDES)
    reading.note("other", TIDES)
    assert reading.quoted(BEES) == ["it"]
    assert reading.quoted(TIDES) == ["it", "other"]
