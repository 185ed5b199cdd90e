"""Tables of a PDF's page: rows whose runs stand in the same columns, three of them or more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.indexing.readers.pdf_layout import Row

#: Fewer rows than this may stand below each other by chance.
_FEWEST = 3
#: Cells of more words are prose, and those of more letters name no column.
_LONGEST, _LONGEST_NAME = 14, 60
_NUMBER = re.compile(r"[^\w]*(?!(?:19|20)\d\d$)\d[\d.,: %–-]*\D{0,3}")

Column = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row, and where the columns stand."""

    columns: tuple[Column, ...]
    cells: tuple[tuple[str, ...], ...]
    size: float

    def continues(self, other: Table) -> bool:
        """Whether this table has the columns of another, as one does that goes on on the next page."""
        return len(self.columns) == len(other.columns) and all(
            abs(mine[0] - its[0]) < 2 * self.size or abs(mine[1] - its[1]) < 2 * self.size
            for mine, its in zip(self.columns, other.columns, strict=True)
        )

    def markdown(self, before: Table | None = None) -> str:
        """The table as Markdown; below `before`, that it goes on from, without a header of its own."""
        lines = [f"| {' | '.join(row)} |" for row in self.cells]
        if before is None and self._has_header():
            lines.insert(1, f"|{' --- |' * len(self.columns)}")
        elif before is not None and self.cells[0] == before.cells[0]:
            del lines[0]
        return "\n".join(lines)

    def _has_header(self) -> bool:
        """Whether the first row names the columns: names beside values look the same where there are two."""
        names = [cell for cell in self.cells[0] if cell]
        if not all(map(_is_name, names)) or 2 * len(names) <= len(self.cells[0]):
            return False
        values = [cell for row in self.cells[1:] for cell in row[1:]]
        return len(self.columns) > 2 or any(map(str.isdigit, "".join(values)))


def _is_name(cell: str) -> bool:
    return len(cell) <= _LONGEST_NAME and not cell.endswith((".", ":")) and not _NUMBER.fullmatch(cell)


def elements(rows: Sequence[Row]) -> Iterator[Row | Table]:
    """The rows of a region in order, those that make up tables as tables."""
    at = 0
    while at < len(rows):
        end, columns = _extent(rows, at)
        table = _table(rows[at:end], columns) if end - at >= _FEWEST else None
        if table is None:
            yield rows[at]
            at += 1
        else:
            yield table
            at = end


def _extent(rows: Sequence[Row], at: int) -> tuple[int, tuple[Column, ...]]:
    """How far the rows from `at` on keep to columns, which end with a row that has several cells."""
    columns: tuple[Column, ...] = ()
    reached, kept = at, columns
    for number in range(at, len(rows)):
        row = rows[number]
        if number > at and rows[number - 1].bottom - row.top > 3 * row.size:
            break
        several = len(row.runs) > 1
        wider = _merged([*columns, *((run.left, run.right) for run in row.runs)])
        if not several and (not columns or len(wider) < len(columns)):
            break
        # The rows before are still apart unless two of their columns became one.
        kept_apart = len({_column(*column, wider) for column in columns}) == len(columns)
        if any(not _apart(each, wider) for each in rows[number if kept_apart else at : number + 1]):
            break
        columns = wider
        if several:
            reached, kept = number + 1, columns
    # Lines of a cell below the last row.
    while kept and reached < len(rows) and _wrapped(rows[reached], rows[reached - 1], kept):
        reached += 1
    return reached, kept


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> Table | None:
    if len(columns) < 2 or sum(len(row.runs) > 1 for row in rows) < _FEWEST:
        return None
    cells: list[list[str]] = []
    for number, row in enumerate(rows):
        line = [""] * len(columns)
        for run in row.runs:
            line[_column(run.left, run.right, columns)] = run.text.replace("|", "\\|")
        if number and _wrapped(row, rows[number - 1], columns):
            cells[-1] = [" ".join(filter(None, both)) for both in zip(cells[-1], line, strict=True)]
        else:
            cells.append(line)
    words = sum(len(cell.split()) for line in cells for cell in line)
    if len(cells) < _FEWEST or words > _LONGEST * sum(bool(cell) for line in cells for cell in line):
        return None
    return Table(tuple(columns), tuple(map(tuple, cells)), rows[0].size)


def _wrapped(row: Row, before: Row, columns: Sequence[Column]) -> bool:
    """Whether a row only holds what did not fit into a cell of the one before."""
    first = min((_column(run.left, run.right, columns) for run in row.runs), default=-1)
    close = before.bottom - row.top < 0.35 * row.size
    fits = all(_overlaps(run.left, run.right, columns) == 1 for run in row.runs)
    return first > 0 and close and fits and len(row.runs) < len(columns)


def _merged(intervals: Sequence[Column]) -> tuple[Column, ...]:
    found: list[Column] = []
    for left, right in sorted(intervals):
        if found and left < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return tuple(found)


def _apart(row: Row, columns: Sequence[Column]) -> bool:
    inside = [_column(run.left, run.right, columns) for run in row.runs]
    return len(set(inside)) == len(inside)


def _column(left: float, right: float, columns: Sequence[Column]) -> int:
    """The column that holds most of an interval."""
    return max(range(len(columns)), key=lambda at: min(right, columns[at][1]) - max(left, columns[at][0]))


def _overlaps(left: float, right: float, columns: Sequence[Column]) -> int:
    return sum(min(right, column[1]) > max(left, column[0]) for column in columns)
