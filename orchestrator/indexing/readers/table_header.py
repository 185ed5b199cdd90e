"""The header of a table in delimited text: where it stands, if it is there, and what it says.

Above it there may be titles and dates of a report, below it a line of units. A first line that is like those
below it is no header: it holds numbers where they do, or values that they hold again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: A header stands within so many rows; a field's name has at most so many characters; units fewer.
_WITHIN, _LONGEST, _UNIT = 20, 80, 14
_NUMBER = re.compile(r"[-+(]?\s?[€$£¥]?\s?\d[\d.,'’ \u00a0]*\s?(?:%|€|\$|£|¥|EUR|USD|CHF)?\)?")
_YEAR = re.compile(r"(?:19|20|21)\d\d")
_MISSING = frozenset("n/a na null none nan - – — ? nil unknown".split())
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.\w+|\w+://\S+")
_COUNT = re.compile(r"\d{1,9}")
_NUMBERED = re.compile(r"([^\W\d]+[ _.-]?)(\d{1,5})")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Header:
    """`before` rows that are not of the table, then `lines` of header. No `names` if the table has none.

    `written` are the cells of the header as they stand there.
    """

    names: tuple[str, ...]
    written: tuple[str, ...]
    before: int
    lines: int


def header_of(rows: Sequence[Sequence[str]], width: int) -> Header:
    """The header of a table whose first rows, none empty, are given; most rows have `width` fields."""
    if not rows:
        return Header((), (), 0, 0)
    stripped = [[cell.strip() for cell in row] for row in rows]
    before = _before(stripped, width)
    table = stripped[before:]
    if len(table) > 1 and _is_data(table[0], table[1:]):
        return Header((), (), before, 0)
    names = list(table[0])
    lines = 1
    if len(table) > 2 and _is_units(table[1], table[2:]):
        names = [f"{name} ({_bare(unit)})" if unit else name for name, unit in _paired(names, table[1])]
        lines = 2
    return Header(unique_names(names), tuple(table[0]), before, lines)


def unique_names(given: Sequence[str]) -> tuple[str, ...]:
    """Names of which none is empty and none stands twice: the second `note` is `note 2`."""
    names: dict[str, None] = {}
    counts: dict[str, int] = {}
    taken = set(given)
    for number, name in enumerate(given, 1):
        name = " ".join(name.split()) or f"column {number}"
        found, count = name, counts.get(name, 1)
        while found in names or (count > 1 and found in taken):
            count += 1
            found = f"{name} {count}"
        counts[name] = count
        names[found] = None
    return tuple(names)


def _before(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many rows stand before the table: those with far fewer fields than the fullest of the first."""
    if width < 2:
        return 0
    held = [sum(map(bool, row)) for row in rows]
    most = max(count for count, row in zip(held, rows, strict=True) if len(row) <= width or count <= width)
    needed = max(2, round(0.75 * min(most, width)))
    full = [number for number, count in enumerate(held[:_WITHIN]) if count >= needed]
    # A line such as "made on: a date" is none that names.
    named = (at for at in full if held[at] == most or not any(map(_DIGITS.search, rows[at])))
    at = next(named, full[0] if full else 0)
    if at and held[0] > 1 and len(rows[0]) < width and any(map(_is_number, rows[at])):
        # A header that names the first columns only, above rows of data.
        return 0 if not any(map(_is_number, rows[0])) and len(rows[0]) == held[0] else at
    return at


def _paired(names: Sequence[str], units: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, units[at] if at < len(units) else "") for at, name in enumerate(names)]


def _bare(unit: str) -> str:
    return unit.strip("()[]{} ")


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _shape(cell: str) -> str:
    return _DIGITS.sub("9", _LETTERS.sub("a", cell))


def _column(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    return [row[at] for row in rows if at < len(row) and row[at] and row[at].casefold() not in _MISSING]


def _is_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row is like those below it."""
    if _is_row_of_numbers(first):
        return False
    rows = [row for row in rows if row != first]
    like = 0
    for at, cell in enumerate(first):
        below = _column(rows, at)
        if not cell or not below or cell.casefold() in _MISSING:
            continue
        numbers = sum(map(_is_number, below)) / len(below)
        if numbers >= 0.8:
            if not _is_number(cell):
                # A name above numbers.
                return False
            like += not _YEAR.fullmatch(cell) or _share(_YEAR.fullmatch, below) >= 0.8
        elif _ADDRESS.fullmatch(cell) or len(cell) > _LONGEST:
            like += 1
        elif _share(_ADDRESS.fullmatch, below) >= 0.8:
            return False
        elif _DIGITS.search(cell) and [_shape(other) for other in below].count(_shape(cell)) >= 0.5 * len(
            below
        ):
            like += 1
        elif _share(lambda other: bool(_DIGITS.search(other)) and " " not in other, below) >= 0.8:
            # Numbers of orders, dates: what names them has no digit.
            if not _DIGITS.search(cell):
                return False
        elif cell in below:
            like += 1
        elif cell.endswith(("?", ".", "!", "？", "。")) and " " in cell:
            ends = sum(other.endswith(cell[-1]) for other in below) / len(below)
            like += ends >= 0.8 or cell[-1] in ".!。"
    return like > 0


def _share(test: Callable[[str], object], cells: Sequence[str]) -> float:
    return sum(bool(test(cell)) for cell in cells) / len(cells)


def _is_row_of_numbers(row: Sequence[str]) -> bool:
    """Whether a row numbers its columns, as 0, 1, 2 or q1, q2, q3, or names the years of a table."""
    marked = [match.groups() for cell in row if (match := _NUMBERED.fullmatch(cell))]
    for mark in {mark for mark, _ in marked}:
        counts = [int(count) for other, count in marked if other == mark]
        if len(counts) > 2 and all(after - before == 1 for before, after in pairwise(counts)):
            return True
    numbers = [int(cell) for cell in row if _COUNT.fullmatch(cell)]
    rest = [cell for cell in row if cell and not _COUNT.fullmatch(cell)]
    if len(numbers) < 2 or any(map(_is_number, rest)):
        return False
    steps = {after - before for before, after in pairwise(numbers)}
    counted = numbers[0] in (0, 1) and steps == {1}
    years = all(1900 <= number < 2200 for number in numbers) and len(steps) == 1 and 0 not in steps
    return counted or years


def _is_units(row: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row names units: short words above columns that hold numbers only, and nothing else."""
    named = 0
    for at, cell in enumerate(row):
        if not cell or cell in "-–—":
            continue
        below = _column(rows, at)
        numbers = bool(below) and _share(_is_number, below) == 1.0
        bracketed = cell[0] in "([" and cell[-1] in ")]"
        if (
            len(cell) > _UNIT
            or cell.casefold() in _MISSING
            or _DIGITS.match(cell)
            or not (numbers or bracketed)
        ):
            return False
        named += 1
    return named > 0
