"""Sentences are exact spans of a text, whatever it is written in."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.text.sentences import LONGEST, introduces, sentences


def split(text: str) -> list[str]:
    return [text[part.start : part.end] for part in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "One ends here.| Two ends there!| Does three?| Yes…| It does.",
        "Dr. Smith met Mrs. Jones at 5 p.m. in St. Louis.| They spoke.",
        "See Fig. 3 and Eq. 4, i.e. the second ones, e.g. these.| Then go on.",
        "The value is 3.14, not 2.71.| Version 1.2.3 has it.",
        "J. R. R. Tolkien wrote it.| C. S. Lewis did not.",
        "He said “Stop.”| Then he left.",
        "“Why?” he asked.| Nobody knew.",
        "(It was late.)| We went home.",
        "It ended in 2018.| The next began.",
        "Call `run. Then stop.` to end.| Else wait.",
        "Read https://example.org/a.b?c=d.e now.| Then rest.",
        "approx. five of them.| Ca. 20 % more.",
        "Das ist z. B. hier so.| Am 3. Mai war es bzw. wird es sein.",
        "今日は晴れです。|明日は雨でしょう。|そうですか？|はい。",
        "यह पहला वाक्य है।| यह दूसरा है।",
        "**Bold ends.**| Plain goes on.",
        "No full stop at the end",
        "Wrapped over\ntwo lines.| And\nanother.",
    ],
)
def test_prose_is_split_where_sentences_end(text: str) -> None:
    expected = [piece.strip() for piece in text.split("|")]
    assert split(text.replace("|", "")) == expected


def test_markdown_blocks_are_never_joined() -> None:
    text = (
        "---\ntitle: front matter\n---\n"
        "# Title\nIntro one. Intro two.\n\n"
        "Setext\n======\n\n"
        "* first item. With more.\n  and a second line\n* second item\n"
        "1. step\n2. step two\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n"
        "```python\nx = 1. Not a sentence.\n\ny = 2\n```\n\n"
        "<!-- hidden. -->\n***\n\n    indented code\n"
    )
    found = [(part.kind, text[part.start : part.end]) for part in sentences(text)]
    assert found == [
        ("heading", "# Title"),
        ("prose", "Intro one."),
        ("prose", "Intro two."),
        ("heading", "Setext\n======"),
        ("item", "* first item."),
        ("item", "With more.\n  and a second line"),
        ("item", "* second item"),
        ("item", "1. step"),
        ("item", "2. step two"),
        ("row", "| a | b |\n|---|---|"),
        ("row", "| 1 | 2 |"),
        ("row", "| 3 | 4 |"),
        ("code", "```python\nx = 1. Not a sentence.\n\ny = 2\n```"),
        ("code", "indented code"),
    ]


def test_items_rows_and_code_know_what_they_need() -> None:
    text = (
        "## Setup\n\nYou need:\n\n- Python\n- make, with:\n  - a shell\n\n"
        "| tool | version |\n|---|---|\n| make | 4 |\n\nRun it.\n\n```\nmake\n```\n"
    )
    parts = sentences(text)
    said = {text[part.start : part.end].strip(): number for number, part in enumerate(parts)}
    needs = {text[part.start : part.end].strip(): part.needs for part in parts}
    assert needs["- Python"] == (said["You need:"],)
    assert needs["- a shell"] == (said["- make, with:"],)
    assert needs["| make | 4 |"] == (said["| tool | version |\n|---|---|"],)
    assert needs["```\nmake\n```"] == (said["Run it."],)
    assert needs["Run it."] == ()
    assert all(part.heading == said["## Setup"] for part in parts if part.kind != "heading")
    assert [introduces(text, part) for part in parts[1:3]] == [True, False]


def test_a_wrapped_line_that_begins_with_a_number_is_no_list() -> None:
    assert split("It was the year\n1984. Nobody noticed.") == ["It was the year\n1984.", "Nobody noticed."]


def test_a_passage_cut_out_of_a_code_block_or_table_is_read_as_such() -> None:
    assert [part.kind for part in sentences("| 1 | 2 |\n| 3 | 4 |")] == ["row", "row"]
    assert [part.kind for part in sentences("Text.\n\n```\nnever closed. Is it?")] == ["prose", "code"]


# fmt: off
_PIECES = st.sampled_from([
    "Word", "word.", "e.g.", "3.14", "2.", "Dr.", "?", "!", "…", "。", "今日", ":", "key: value\n", "é", "_",
    '"',     "\n", "\n\n", "\r\n", " ", "  ", "\t", "\u00a0", "\u2028", "# ", "## ", "- ", "* ", "1. ", "> ",
    "**", "```", "```py\n", "~~~", "`a. B`", "| a | b |\n", "|--|--|\n", "|", "---", "===", "<!--", "-->",
    "[x](y)", ")", "(", "    code\n",
])
# fmt: on


@given(st.one_of(st.text(max_size=400), st.lists(_PIECES, max_size=60).map("".join)))
@example("\n\n```\n```")
@example("- \n- a\n\n\n---")
def test_spans_are_ordered_disjoint_trimmed_and_bounded(text: str) -> None:
    reached = 0
    for number, part in enumerate(sentences(text)):
        piece = text[part.start : part.end]
        assert reached <= part.start < part.end <= len(text)
        assert piece == piece.strip()
        assert any(character.isalnum() for character in piece)
        assert len(piece) <= LONGEST
        assert part.heading < number
        assert all(0 <= needed < number for needed in part.needs)
        reached = part.end


@given(st.lists(st.sampled_from(["Word", "two.", "Three!", "e.g.", "4.5", "\n\n", "- ", "\n", "# ", "a|b"])))
def test_no_word_is_lost(pieces: list[str]) -> None:
    text = " ".join(pieces)
    kept = re.findall(r"\w+", " ".join(split(text)))
    assert kept == re.findall(r"\w+", text)


def test_a_passage_that_begins_in_code_ends_it_at_its_fence() -> None:
    text = "run()\n```\n\nThen rest.\n\n```\nstop()\n```\n"
    assert [(part.kind, text[part.start : part.end]) for part in sentences(text)] == [
        ("code", "run()\n```"),
        ("prose", "Then rest."),
        ("code", "```\nstop()\n```"),
    ]


def test_a_long_line_without_an_end_is_cut_between_words() -> None:
    text = "word " * 1000
    parts = split(text)
    assert all(len(part) <= LONGEST and set(part.split()) == {"word"} for part in parts)
    assert sum(len(part.split()) for part in parts) == 1000
