from __future__ import annotations

import pytest

from orchestrator.text.own_lines import own_lines
from orchestrator.text.sentences import sentences


def pieces(text: str) -> list[str]:
    return [text[one.start : one.end] for one in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "CORNER SHOP\n12 Mill Lane\nMilk 1.20\nCoffee 7.99\nTOTAL 9.19",
        "2026-11-01 01:15:00 INFO job 1 finished\n2026-11-02 02:15:00 ERROR job 2: disk quota exceeded",
        "Karl Thorn  Payroll  555-1000\nNora Frost  Legal  555-1001\nIda Berg  Sales  555-1002",
        "[09:01] Ann: when is the demo?\n[09:02] Bob: Thursday at 15:00\n[09:03] Ann: which room?",
        "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye\nCould",
        "早餐 七点\n午餐 十二点\n晚餐 六点",
    ],
)
def test_lines_that_their_author_broke_stand_by_themselves(text: str) -> None:
    assert pieces(text) == text.splitlines()


@pytest.mark.parametrize(
    "text",
    [
        "Every process that writes to an index\ntakes a lease, so that two of them never\nwrite at once.",
        "Der Ausschuss hat über den Antrag der\nFraktion beraten und empfiehlt dem Plenum die\nAnnahme.",
        "It was the year\n1984.",
    ],
)
def test_wrapped_prose_is_no_list_of_lines(text: str) -> None:
    assert own_lines(text, 0, len(text)) == []


def test_a_line_with_several_sentences_is_still_split() -> None:
    text = "Ann: Yes. I am here.\nBob: Good. Let us begin.\nAnn: What is first?\nBob: The budget."
    assert "I am here." in pieces(text)
