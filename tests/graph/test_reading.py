"""Which passages a prompt quotes, however a node put them there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.graph.reading import Reading

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


@given(st.text(min_size=1, max_size=400), st.text(max_size=80), st.data())
def test_every_long_part_of_a_text_quotes_it(text: str, around: str, data: st.DataObject) -> None:
    letters = "".join(sign for sign in text.lower() if sign.isascii() and sign.isalnum())
    long = f"{letters} is what is written here for everybody to read"
    start = data.draw(st.integers(0, len(long) - 45))
    reading = Reading()
    reading.note("it", long)
    assert reading.quoted(json.dumps({"shown": f"{around} {long[start : start + 45]}"})) == ["it"]
