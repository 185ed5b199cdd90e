"""A quoted sentence reads well, and no bracket of it is mistaken for a citation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.blocks import Kind
from orchestrator.text.quotation import cells, item_number, readable


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("heading", "## The *whole* title ##", "The whole title"),
        ("heading", "Title\n=====", "Title"),
        ("item", "- [x] done, **really**\n  and more", "done, really and more"),
        ("item", "3. third step", "third step"),
        ("prose", "> quoted\n> twice", "quoted twice"),
        ("prose", "See [the `docs`](http://a.b/c_(d)), ![a map](x.png).", "See the `docs`, a map."),
        (
            "prose",
            "Use `a*b*c`, __bold__ *words*, snake_case or 2*3*4.",
            "Use `a*b*c`, bold words, snake_case or 2*3*4.",
        ),
        ("prose", "Go to <https://a.b>.<br>Now[^2].", "Go to https://a.b. Now."),
        ("prose", "Call f(*args, **kwargs) or g(**kwargs).", "Call f(*args, **kwargs) or g(**kwargs)."),
        ("prose", "name: Ann\nage: 30", "name: Ann; age: 30"),
        ("prose", r"Not \*bold\*.", "Not *bold*."),
        ("row", "| a | `b` | 3 |", "a · `b` · 3"),
        ("code", "```sh\nmake demo\n  indented\n```", "make demo\n  indented"),
        ("code", "    x = 1\n      y", "x = 1\n  y"),
    ],
)
def test_marks_of_the_file_are_gone(kind: Kind, text: str, expected: str) -> None:
    assert readable(text, kind) == expected


def test_reference_marks_go_and_indexes_stay() -> None:
    assert readable("It grew.[3][4] As shown in [5], `a[1]` is b[2].") == (
        "It grew. As shown in [ 5 ], `a[ 1 ]` is b[ 2 ]."
    )
    assert readable("x = a[1]", "code") == "x = a[ 1 ]"


def test_cells_and_numbers_are_read_off() -> None:
    assert cells(r"| a \| b | **c** |  |") == ["a | b", "c", ""]
    assert [item_number(text) for text in ("12. x", "- x", "x", "(3) x")] == ["12", "", "", "3"]


_KINDS = st.sampled_from(["prose", "heading", "item", "row", "code"])
_MARKUP = st.lists(
    st.sampled_from(
        [*"[]()*_`|!<>\\#-123 \n", "[1]", "a[2]", "**b**", "](u)", "```", "【3】", "word", "\ue000"]
    )
).map("".join)


@given(_MARKUP, _KINDS)
def test_no_quotation_holds_what_looks_like_a_citation(text: str, kind: Kind) -> None:
    assert not re.search(r"[\[【]\d+[\]】]", readable(text, kind))


@given(st.lists(st.sampled_from(["alpha", "beta.", "3.5", "gamma,", "snake_case", "x=1"]), max_size=20))
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    text = " ".join(words)
    assert readable(text) == text
