"""Lists of ids on a command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.id_lists import listed
from orchestrator.errors import BadInput

IDS = st.lists(st.text(st.one_of(st.sampled_from('", \n'), st.characters()), min_size=1, max_size=6))


def written(ids: list[str]) -> str:
    """Ids as one value names them."""
    return ",".join(_written(one) for one in ids)


def _written(one: str) -> str:
    odd = "," in one or one.startswith('"') or one != one.strip()
    return '"' + one.replace('"', '""') + '"' if odd else one


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([""], []),
        (["A,B,C"], ["A", "B", "C"]),
        ([" A , B ,, C,"], ["A", "B", "C"]),
        (["A", "B,C"], ["A", "B", "C"]),
        (['"soap, green",B'], ["soap, green", "B"]),
        (['"soap, green" , B'], ["soap, green", "B"]),
        (['5" nail,B'], ['5" nail', "B"]),
        (['"a ""b"" c"'], ['a "b" c']),
        (['""'], []),
    ],
)
def test_ids_are_separated_by_commas_or_by_repeating_the_option(
    values: list[str], expected: list[str]
) -> None:
    assert listed("--items", values) == expected


@pytest.mark.parametrize("value", ['"soap, green', 'A,"B', '"A"B,C'])
def test_a_quote_that_is_not_closed_is_refused(value: str) -> None:
    with pytest.raises(BadInput, match="--items") as refused:
        listed("--items", [value])
    assert "double quotes" in refused.value.hint


@given(IDS)
def test_every_id_can_be_written(ids: list[str]) -> None:
    assert listed("--items", [written(ids)]) == ids
    assert listed("--items", [written([one]) for one in ids]) == ids


@given(st.text(st.one_of(st.sampled_from('", '), st.characters())))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = listed("--items", [text])
    except BadInput:
        return
    assert all(found)
