"""Texts are found by what they share with another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.windows import Windows

TEXT = st.text(st.sampled_from("ab𝒜"), max_size=40)


@given(
    st.lists(st.lists(TEXT, max_size=6), max_size=6),
    TEXT,
    st.integers(1, 6).flatmap(lambda width: st.tuples(st.just(width), st.integers(1, width))),
)
def test_exactly_the_texts_are_found_of_which_a_window_stands_in_another(
    groups: list[list[str]], other: str, shape: tuple[int, int]
) -> None:
    width, step = shape
    windows = Windows(width, step)
    texts: list[str] = []
    for group in groups:
        windows.add([(len(texts) + number, text) for number, text in enumerate(group)])
        texts += group
    expected = {
        number
        for number, text in enumerate(texts)
        if any(text[at : at + width] in other for at in range(0, len(text) - width + 1, step))
    }
    assert windows.shared_with(other) == expected


@given(TEXT, TEXT, TEXT, TEXT, st.text(st.sampled_from("abc"), min_size=11, max_size=11))
def test_a_run_that_is_long_enough_is_never_missed(a: str, b: str, c: str, d: str, run: str) -> None:
    windows = Windows(8, 4)
    windows.add([(7, a + run + b)])
    assert windows.shared_with(c + run + d) == {7}


def test_more_than_is_hashed_at_once_is_found() -> None:
    windows = Windows(16, 8)
    texts = [f"{number:07}" * 40 for number in range(5_000)]
    windows.add(list(enumerate(texts)))
    assert windows.shared_with(f"…{texts[4321][5:90]}…") == {4321}
