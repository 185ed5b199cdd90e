"""Tables of documents as Markdown: each value below its column, merged cells in place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

#: The last column and the most rows that a cell may span: what a broken file can ask for.
MOST_COLUMNS, MOST_ROWS = 100, 2_000
#: The most rows that name the columns, and the longest text that stands again in every row it spans.
_MOST_HEADERS, _LONGEST_REPEATED = 3, 80
#: The longest name of a column where the document does not say that it is one.
_LONGEST_NAME = 60

#: Amounts, dates, times and telephone numbers.
_NUMBER = re.compile(r"[(\[<>~≈±+−–-]*\s*[$€£¥]?\s*[\d.,'’\s/:+–-]*\d[\d.,'’\s/:+–-]*(?:[%‰°)\]]|[$€£¥])*")
_YEAR = re.compile(r"(?:1[89]|20|21)\d\d\*?")
_CURRENCY = frozenset("$ € £ ¥ ($ (€ (£ (¥".split())
_SUFFIX = re.compile(r"[)%\]]{1,3}")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the document has it: its text, how much it spans, and whether it is marked as a header."""

    text: str
    columns: int = 1
    rows: int = 1
    header: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of the grid. `first` is where a cell begins; elsewhere it is one that spans this place."""

    text: str = ""
    header: bool = False
    first: bool = True
    below: bool = False


def header_rows(rows: Sequence[Sequence[Cell]]) -> int:
    """How many of the first rows name the columns, where the document does not say.

    Those do whose cells are all marked as headers, or else those that read like names: neither numbers
    nor sentences.
    """
    return _headers(_grid(rows))


def markdown_table(rows: Sequence[Sequence[Cell]], headers: int | None = None) -> str:
    """A Markdown table of the same number of cells a row; "" if there is no text.

    The first `headers` rows name the columns; by default as many as `header_rows` finds. If none does,
    the table is rows alone.
    """
    grid = _grid(rows)
    titles = _titles(grid)
    headers = max((_headers(grid) if headers is None else min(headers, len(grid))) - titles, 0)
    lines = [_values(row, repeated=at < headers) for at, row in enumerate(grid[titles:])]
    lines[headers:] = [_with_signs(line) for line in lines[headers:]]
    lines = _without_empty_columns(lines, headers)
    table = [_line(line) for line in lines[headers:] if any(line)]
    if headers:
        names = [_name(column) for column in zip(*lines[:headers], strict=True)]
        table = [_line(names), "|" + " --- |" * len(names), *table]
    return "\n\n".join([*(_cell(row[0].text) for row in grid[:titles]), "\n".join(table)])


def _titles(grid: Sequence[Sequence[_Place]]) -> int:
    """How many of the first rows stand above all columns, and name none."""
    found = 0
    for row in grid:
        if len(row) < 2 or not row[0].text or any(place.first and place.text for place in row[1:]):
            break
        found += 1
    return found if found < len(grid) else 0


def _grid(rows: Sequence[Sequence[Cell]]) -> list[list[_Place]]:
    """Every cell in its column: what spans rows takes its place in those below."""
    grid: list[list[_Place]] = []
    waiting: dict[int, tuple[int, _Place]] = {}
    for row in rows:
        places: list[_Place] = []
        cells = iter(row)
        while True:
            if len(places) in waiting:
                left, above = waiting.pop(len(places))
                if left > 1:
                    waiting[len(places)] = (left - 1, above)
                places.append(_Place(above.text, above.header, above.first, below=True))
                continue
            cell = next(cells, None)
            if cell is None:
                if not any(at > len(places) for at in waiting):
                    break
                places.append(_Place())
                continue
            place = _Place(cell.text, cell.header)
            for _ in range(max(min(cell.columns, MOST_COLUMNS - len(places)), 1)):
                if cell.rows > 1:
                    waiting[len(places)] = (min(cell.rows, MOST_ROWS) - 1, place)
                places.append(place)
                place = _Place(cell.text, cell.header, first=False) if place.first else place
        grid.append(places)
    width = max(map(len, grid), default=0)
    for places in grid:
        places.extend(_Place() for _ in range(width - len(places)))
    return [places for places in grid if any(place.text for place in places)]


def _headers(grid: Sequence[Sequence[_Place]]) -> int:
    """How many rows name the columns, with the titles above them."""
    titles = _titles(grid)
    rows = grid[titles:]
    if len(rows) < 2 or len(rows[0]) < 2:
        return 0
    marked = 0
    for row in rows[:-1]:
        if not all(place.header for place in row if place.text):
            break
        marked += 1
    if marked:
        return titles + min(marked, _MOST_HEADERS)
    if any(place.header for place in rows[0]):
        # Names of rows beside their values.
        return 0
    if len(rows[0]) == 2 and not all(_is_number(row[1].text) for row in rows[1:] if row[1].text):
        # Names and values beside each other look the same as names above values.
        return 0
    found = _unmarked(rows)
    return titles + found if found else 0


def _unmarked(rows: Sequence[Sequence[_Place]]) -> int:
    """How many rows read like names of columns: the first, and those that divide what it names."""
    found = before = 0
    for row in rows[: min(_MOST_HEADERS, len(rows) - 1)]:
        cells = [place for place in row if place.first and not place.below]
        names = [place.text for place in cells if place.text]
        if not names or not all(map(_is_name, names)):
            break
        divides = len(names) > before if row[0].text else len(names) >= before
        if found and not divides:
            break
        spans = any(not place.first for place in row)
        if not spans and (len(set(names)) < len(names) or any(not place.text for place in cells[1:])):
            break
        found, before = found + 1, len(names)
        if not spans:
            break
    return found


def _is_name(text: str) -> bool:
    if len(text) > _LONGEST_NAME or text.endswith((":", ".")):
        return False
    return bool(_YEAR.fullmatch(text)) or not _is_number(text)


def _is_number(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NUMBER.fullmatch(text) is not None


def _values(row: Sequence[_Place], *, repeated: bool) -> list[str]:
    """The texts of a row. A name stands above all its columns, and a value beside all its rows."""
    values: list[str] = []
    for place in row:
        again = (repeated or place.first) and len(place.text) <= _LONGEST_REPEATED
        shown = place.first and not place.below
        values.append(place.text if shown or again else "")
    return values


def _with_signs(line: list[str]) -> list[str]:
    """Signs that have a cell of their own go to their number: "$" to the next, ")" and "%" to the last."""
    values = list(line)
    for at, value in enumerate(values):
        if not value:
            continue
        if value in _CURRENCY:
            number = next((n for n in range(at + 1, min(at + 3, len(values))) if values[n]), None)
            if number is not None and values[number].lstrip("(-–−")[:1].isdigit():
                values[number], values[at] = value + values[number], ""
        elif _SUFFIX.fullmatch(value):
            number = next((n for n in range(at - 1, max(at - 3, -1), -1) if values[n]), None)
            if number is not None and values[number][-1].isdigit():
                values[number], values[at] = values[number] + value, ""
    return values


def _without_empty_columns(lines: list[list[str]], headers: int) -> list[list[str]]:
    """Without the columns that hold nothing, or only the name of the column beside them."""
    if not lines:
        return lines
    kept: list[int] = []
    names = [[line[at] for line in lines[:headers]] for at in range(len(lines[0]))]
    for _, beside in groupby(range(len(lines[0])), lambda at: names[at]):
        columns = list(beside)
        filled = [at for at in columns if any(line[at] for line in lines[headers:])]
        kept += filled or columns[: any(names[columns[0]])]
    return [[line[at] for at in kept] for line in lines]


def _name(column: Sequence[str]) -> str:
    """One name of the rows that name a column."""
    return " ".join(dict.fromkeys(text for text in column if text))


def _line(values: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, values))} |"


def _cell(text: str) -> str:
    """A text in one line, in which no bar ends a cell."""
    return " ".join(text.split()).replace("|", "\\|")
