"""Phrases and names that a text is about, found by rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.keyphrases import keyphrases, names

STOPS = {"the", "of", "is", "a", "in", "and", "by", "it", "was", "on", "he"}


def stop(word: str) -> bool:
    return word.casefold() in STOPS


def test_phrases_are_runs_between_stop_words_the_repeated_first() -> None:
    text = "The boundary layer is thin. A plate is in the flow, and the boundary layer grows on it."
    assert keyphrases(text, 2, is_stop=stop)[0] == "boundary layer"
    assert keyphrases("a model of the krill", 5, is_stop=stop) == ("model", "krill")


def test_the_title_weighs_more() -> None:
    text = "Otters sleep. Guns of a frigate fired."
    assert keyphrases(text, 1, is_stop=stop, title="The frigate") == ("frigate",)


def test_a_phrase_within_a_better_one_is_left_out() -> None:
    found = keyphrases("Blue whales eat. Blue whales sing. The whales.", 5, is_stop=stop)
    assert not any(one != other and f" {one} " in f" {other} " for one in found for other in found)


def test_of_a_long_run_the_end_is_kept() -> None:
    assert keyphrases("human peripheral blood mononuclear cells", 1, is_stop=stop) == (
        "peripheral blood mononuclear cells",
    )


def test_names_have_capitals_elsewhere_than_at_a_beginning() -> None:
    text = (
        "Hank Snow sang. It was in Nova Scotia. Songs of Hank Snow sold. He left Nova Scotia for Nashville."
    )
    assert names(text, 5, is_stop=stop) == ("Hank Snow", "Nova Scotia", "Nashville")
    assert names("Songs sold.", 5, is_stop=stop) == ()


def test_nothing_has_no_phrases() -> None:
    for text in ("", "the of", "…", "12 34"):
        assert keyphrases(text, 5, is_stop=stop) == ()
        assert names(text, 5, is_stop=stop) == ()


@given(st.text(), st.text(max_size=30), st.integers(0, 12))
def test_any_text_has_at_most_n_distinct_phrases(text: str, title: str, n: int) -> None:
    for found in (keyphrases(text, n, is_stop=stop, title=title), names(text, n, is_stop=stop, title=title)):
        assert len(found) == len(set(found)) <= n
        assert all(one.strip() == one and one for one in found)
