"""Tables of documents as Markdown: which rows are the header, and what stands below it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.indexing.readers.tables import Cell, markdown_table


def lines(*rows: Sequence[str | tuple[str, int]]) -> list[str]:
    cells = [[Cell(cell) if isinstance(cell, str) else Cell(*cell) for cell in row] for row in rows]
    return markdown_table(cells).splitlines()


def test_a_header_of_two_rows_is_one_name_a_column() -> None:
    found = lines(
        ["", ("Year ended December 31,", 3)],
        ["(In millions)", "2025", "2024", "2023"],
        ["Revenue", "19,984", "10,230", "9,001"],
        ["Costs", "7,050", "6,400", "6,000"],
    )
    assert found[0] == (
        "| (In millions) | Year ended December 31, 2025 | Year ended December 31, 2024 "
        "| Year ended December 31, 2023 |"
    )
    assert found[2:] == ["| Revenue | 19,984 | 10,230 | 9,001 |", "| Costs | 7,050 | 6,400 | 6,000 |"]


def test_a_title_above_all_columns_stands_above_the_table() -> None:
    for title in ([("Staff", 3)], ["Staff", "", ""], ["Staff"]):
        found = lines(title, ["Name", "Office", "Phone"], ["Karl", "A1", "555-1"])
        assert found == [
            "Staff",
            "",
            "| Name | Office | Phone |",
            "| --- | --- | --- |",
            "| Karl | A1 | 555-1 |",
        ]


def test_a_row_that_begins_a_part_of_the_table_is_no_header() -> None:
    found = lines(["", "2025", "2024"], ["Assets", "", ""], ["Cash", "1", "2"])
    assert found == ["|  | 2025 | 2024 |", "| --- | --- | --- |", "| Assets |  |  |", "| Cash | 1 | 2 |"]


def test_a_table_of_words_has_one_header_row() -> None:
    found = lines(["Name", "Team", "City"], ["Karl", "Legal", "Oslo"], ["Nora", "Sales", "Bergen"])
    assert found[1] == "| --- | --- | --- |"
    assert len(found) == 4


def test_columns_without_text_are_left_out_and_others_are_not() -> None:
    found = lines(["Name", "", "Remark"], ["a", "", ""], ["b", "", ""])
    assert found == ["| Name | Remark |", "| a |  |", "| b |  |"]


cells = st.builds(Cell, st.text("ab1 .$)|", max_size=4), st.integers(0, 5), st.integers(0, 5), st.booleans())


@given(st.lists(st.lists(cells, max_size=5), max_size=6), st.integers(0, 3))
def test_every_text_is_kept_and_rows_are_of_one_width(rows: list[list[Cell]], headers: int) -> None:
    for text in (markdown_table(rows), markdown_table(rows, headers)):
        table = [line for line in text.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) <= 1
        for row in rows:
            for cell in row:
                for word in re.findall("[ab1]+", cell.text):
                    assert word in text
