"""The layout of a PDF's page: lines in reading order, columns one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from orchestrator.indexing.readers.pdf_characters import Run

#: Columns of prose hold this many words a line, or letters where a script has no spaces.
_WORDS, _LETTERS = 3.0, 12
#: The part of its column that a line of prose fills.
_FILLED = 0.55
#: How often a page may be divided.
_DEEPEST = 6
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff]")


@dataclass(frozen=True, slots=True)
class Row:
    """Runs beside each other, from left to right."""

    runs: tuple[Run, ...]

    @property
    def left(self) -> float:
        return self.runs[0].left

    @property
    def right(self) -> float:
        return max(run.right for run in self.runs)

    @property
    def top(self) -> float:
        return max(run.top for run in self.runs)

    @property
    def bottom(self) -> float:
        return min(run.bottom for run in self.runs)

    @property
    def size(self) -> float:
        """The size of its letters: that of most of them."""
        return max(self.runs, key=lambda run: len(run.text)).size

    @property
    def bold(self) -> bool:
        return all(run.bold for run in self.runs)

    @property
    def text(self) -> str:
        """The runs as they are read."""
        texts = [run.text for run in self.runs]
        return " ".join(reversed(texts) if _RIGHT_TO_LEFT.search(texts[0]) else texts)


def rows(runs: Iterable[Run]) -> list[Row]:
    """Runs in rows, from the top down."""
    found: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (-(run.top + run.bottom), run.left)):
        if found and _beside(max(found[-1], key=lambda other: other.top - other.bottom), run):
            found[-1].append(run)
        else:
            found.append([run])
    return [Row(tuple(sorted(row, key=lambda run: run.left))) for row in found]


def regions(runs: Sequence[Run], depth: int = 0) -> list[list[Row]]:
    """Parts of a page in reading order, each to be read row by row.

    A page is divided at its gutter, the upright strip that few lines cross, into the bands between those
    lines, and each band of prose into its columns (after the recursive X-Y cut, Nagy and Seth 1984).
    """
    lines = rows(runs)
    if depth < _DEEPEST:
        for gutter in _gutters(runs):
            bands = _bands(lines, gutter)
            if any(columns for columns, _ in bands):
                return list(_divided(bands, gutter, depth))
    return [lines] if lines else []


def _divided(bands: Sequence[tuple[bool, list[Row]]], gutter: float, depth: int) -> Iterator[list[Row]]:
    for columns, inside in bands:
        if columns:
            for side in _sides(inside, gutter):
                yield from regions(side, depth + 1)
        else:
            yield inside


def _bands(lines: Sequence[Row], gutter: float) -> list[tuple[bool, list[Row]]]:
    """The lines between those that cross the gutter, and whether they are columns of prose."""
    found: list[tuple[bool, list[Row]]] = []
    for crossing, inside in groupby(lines, lambda row: any(_crosses(run, gutter) for run in row.runs)):
        band = list(inside)
        columns = not crossing and _prose_beside(*_sides(band, gutter))
        if found and not columns and not found[-1][0]:
            found[-1][1].extend(band)
        else:
            found.append((columns, band))
    return found


def _sides(band: Iterable[Row], gutter: float) -> tuple[list[Run], list[Run]]:
    runs = [run for row in band for run in row.runs]
    left = [run for run in runs if run.left + run.right <= 2 * gutter]
    return left, [run for run in runs if run.left + run.right > 2 * gutter]


def _prose_beside(left: list[Run], right: list[Run]) -> bool:
    """Whether two sides are columns of text, and not those of a table."""
    sides = rows(left), rows(right)
    return max(map(len, sides)) >= 3 and all(_is_prose(side) for side in sides)


def _is_prose(side: Sequence[Row]) -> bool:
    if not side:
        return False
    words = sum(len(row.text.split()) for row in side) / len(side)
    letters = sum(sum(letter > "\u2e80" for letter in row.text) for row in side) / len(side)
    if words < _WORDS and letters < _LETTERS:
        return False
    width = max(row.right for row in side) - min(row.left for row in side)
    return len(side) < 3 or median(row.right - row.left for row in side) >= _FILLED * width


def _gutters(runs: Sequence[Run]) -> list[float]:
    """Middles of the upright strips that hardly a line crosses, the clearest first."""
    if len(runs) < 4:
        return []
    size = median(run.size for run in runs)
    start, end = min(run.left for run in runs), max(run.right for run in runs)
    crossing = [0] * (int(end - start) + 2)
    for run in runs:
        # Boxes of slanted letters reach a little over their column.
        first, last = int(run.left - start + 1), int(run.right - start)
        for at in range(max(0, first), min(last, len(crossing))):
            crossing[at] += 1
    most = max(2, len(runs) // 6)
    found: list[tuple[int, float, float]] = []
    for number, inside in groupby(
        range(len(crossing)), lambda at: crossing[at] if crossing[at] <= most else -1
    ):
        strip = list(inside)
        middle = start + (strip[0] + strip[-1] + 1) / 2
        if number < 0 or len(strip) < 0.6 * size or not start + 3 * size < middle < end - 3 * size:
            continue
        found.append((number, -len(strip), middle))
    return [middle for _, _, middle in sorted(found)[:4]]


def _crosses(run: Run, gutter: float) -> bool:
    return run.left < gutter - 1 and run.right > gutter + 1


def _beside(one: Run, other: Run) -> bool:
    shared = min(one.top, other.top) - max(one.bottom, other.bottom)
    return shared >= 0.5 * min(one.top - one.bottom, other.top - other.bottom)
