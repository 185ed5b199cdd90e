"""A model's citations are verified while they are written, however the text is cut into pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.nodes.answer._citations import CitationFilter


def filtered(
    text: str, count: int = 3, *, sizes: tuple[int, ...] = (), **settings: object
) -> tuple[str, CitationFilter]:
    verified = CitationFilter(count, **settings)  # type: ignore[arg-type]
    shown: list[str] = []
    at = 0
    for size in sizes:
        shown.append(verified.feed(text[at : at + size]))
        at += size
    shown += [verified.feed(text[at:]), verified.close()]
    return "".join(shown), verified


@pytest.mark.parametrize(
    ("written", "shown", "cited"),
    [
        ("A [3]. B [1]. C [3].", "A [1]. B [2]. C [1].", (3, 1)),
        ("A [1, 3] and [2-3].", "A [1][2] and [3][2].", (1, 3, 2)),
        ("A [1][2][1].", "A [1][2].", (1, 2)),
        ("A【2】 and [Excerpt 3] and [^1] and【1†source】.", "A[1] and [2] and [3] and[3].", (2, 3, 1)),
        ("A [9]. B [0] here [2].", "A. B here [1].", (2,)),
        ("A [7, 2].", "A [1].", (2,)),
        ("[2](http://evil.example) says.", "[1] says.", (2,)),
        ("A [2] (in brackets).", "A [1] (in brackets).", (2,)),
        (
            "Write `a[1]` or\n```\nb[2] = [3]\n```\nthen [3].",
            "Write `a[ 1 ]` or\n```\nb[ 2 ] = [ 3 ]\n```\nthen [1].",
            (3,),
        ),
        ("A lone ` tick [1]\nand [2].", "A lone ` tick [1]\nand [2].", (1, 2)),
        ("`\n`![x](http://evil.example)` [1]", "`\n`![x] (http://evil.example)` [1]", (1,)),
        ("\\`![x](http://evil.example)` [1]", "\\`x` [1]", (1,)),
        ("So it is![2] ![2](http://evil.example) Done.", "So it is! [1] Done.", (2,)),
        ("A [link](http://evil.example) [1].", "A link [1].", (1,)),
        ("![x](http://evil.example/?q=secret) done [1].", "x done [1].", (1,)),
        ("[[1]](http://evil.example)", "[[1]] (http://evil.example)", (1,)),
        ("Done [1].\n\n[1]: http://evil.example", "Done [1].\n\n[1] : http://evil.example", (1,)),
        ("[x]: http://evil.example\nSee [x] [1].", "[x] : http://evil.example\nSee [x] [1].", (1,)),
        ('A <img src="http://evil.example"> b<script>x</script> < c > d [1].', "A  bx < c > d [1].", (1,)),
        ("<think>maybe [2]</think>\n\nYes [1].", "Yes [1].", (1,)),
        ("<Reason>maybe [2]</reason>Yes [1].", "Yes [1].", (1,)),
        ("[THINK]maybe [2][/THINK]Yes [1].", "Yes [1].", (1,)),
        ("Yes [1]. <think>or [2], and so", "Yes [1].", (1,)),
        ("Yes [1].</think> No [2].", "Yes [1]. No [2].", (1, 2)),
        ("Write `a <think> b` [1].", "Write `a <think> b` [1].", (1,)),
        ("  \n Trimmed [1].  \n", "Trimmed [1].", (1,)),
        ("A list [a, b] and [not 1 closed", "A list [a, b] and [not 1 closed", ()),
    ],
)
def test_what_is_written_and_what_is_shown(written: str, shown: str, cited: tuple[int, ...]) -> None:
    text, verified = filtered(written)
    assert (text, verified.cited) == (shown, cited)


def test_links_that_the_excerpts_hold_are_kept() -> None:
    text, _ = filtered("See [docs](https://a.b/c) [1].", addresses={"https://a.b/c"})
    assert text == "See [docs](https://a.b/c) [1]."


def test_a_citation_of_nothing_is_repaired_where_an_excerpt_supports_the_statement() -> None:
    said: list[str] = []

    def support(statement: str) -> int | None:
        said.append(statement)
        return 2 if "whales" in statement else None

    text, verified = filtered("Whales and whales sing [8]. Fish [9].", support=support)
    assert text == "Whales and whales sing [1]. Fish."
    assert (verified.repaired, verified.dropped) == (1, 1)
    assert said == ["Whales and whales sing", ". Fish"]


def test_an_answer_without_citations_gets_the_one_it_stands_on() -> None:
    assert filtered("Whales sing.", support=lambda _: 3)[0] == "Whales sing. [1]"
    assert filtered("Whales sing.", support=lambda _: None)[0] == "Whales sing."


def test_text_is_not_held_back_longer_than_needed() -> None:
    verified = CitationFilter(2)
    assert verified.feed("A plain sentence") == "A plain sentence"
    assert verified.feed(" that goes on [") == " that goes on"
    assert verified.feed("2") == ""
    assert verified.feed("]") == ""
    assert verified.feed(". ") == " [1]."
    assert verified.close() == ""


_PIECES = [
    "[1]",
    "[2]",
    "[9]",
    "[1, 2]",
    "[",
    "]",
    "(",
    ")",
    "](",
    "!",
    "![",
    "`",
    "```",
    "\n",
    " ",
    ".",
    ":",
]
_PIECES += [
    "<",
    ">",
    "<think>",
    "</think>",
    "<img ",
    "<b>",
    "http://x.y",
    "word",
    "3",
    ",",
    "【2】",
    '"',
    "a[1]",
]
_WRITTEN = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)


@given(_WRITTEN, st.lists(st.integers(1, 4), max_size=60), st.booleans())
@example("[1]" + "x" * 700, [3] * 20, False)
@example("[text](" + "x" * 700 + ")", [1] * 60, False)
@example("<img " + "x" * 700 + "> [1]", [1] * 60, False)
def test_the_cuts_between_pieces_change_nothing(text: str, sizes: list[int], supported: bool) -> None:
    support = (lambda _: 1) if supported else None
    whole, first = filtered(text, support=support)
    pieces, second = filtered(text, sizes=tuple(sizes), support=support)
    assert pieces == whole
    assert first.cited == second.cited


@given(_WRITTEN, st.lists(st.integers(1, 4), max_size=60))
@example("[1][1](http://x.y)", [])
@example("[1][9](http://x.y)", [])
@example("[<img src=x>](http://x.y)", [])
@example("[<img ](http://x.y)", [])
def test_every_bracketed_number_is_a_citation_in_order_of_appearance(text: str, sizes: list[int]) -> None:
    shown, verified = filtered(text, sizes=tuple(sizes))
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", shown)]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(verified.cited) + 1))
    assert all(1 <= number <= 3 for number in verified.cited)
    assert "](" not in shown
    # In code it is text, and shown as it is.
    assert "<img" not in shown or "`" in text
