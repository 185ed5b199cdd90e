"""Lines of a PDF to Markdown: paragraphs without their line ends, headings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from orchestrator.indexing.readers.pdf_headings import Headings
from orchestrator.indexing.readers.pdf_layout import Row
from orchestrator.indexing.readers.pdf_tables import Table, elements

_HEADING_LINES = 3
#: Lines that stand so many times their size apart belong to no paragraph, however usual that is.
_FAR = 2.0
_LEADER = re.compile(r"(?:\s?\.){4,}\s*")
_HYPHENATED = re.compile(r"[a-zß-öø-ÿ]-$")
_ITEM = re.compile(r"(?:[•◦▪‣·●○–*-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_BULLET = re.compile(r"^[•◦▪‣·●○]\s*")
_MARK = re.compile(r"^(?=#{1,6}\s|```|~~~)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, heading or table. `open` tells a paragraph that may go on in the next column or page."""

    text: str
    table: Table | None = None
    open: bool = False
    heading: int = 0


def pieces(region: Sequence[Row], found: Headings, page: int) -> Iterator[Piece]:
    """The pieces of a region in order."""
    lines: list[Row] = []
    parts = list(elements(region))
    for part in parts:
        if isinstance(part, Row):
            lines.append(part)
            continue
        yield from _paragraphs(lines, found, page)
        lines = []
        yield Piece("", table=part)
    yield from _paragraphs(lines, found, page)


def _paragraphs(lines: Sequence[Row], found: Headings, page: int) -> Iterator[Piece]:
    if not lines:
        return
    left, right = min(row.left for row in lines), max(row.right for row in lines)
    gaps = [above.bottom - below.top for above, below in pairwise(lines)]
    usual = median(gap for gap in gaps) if gaps else 0.0
    paragraph: list[Row] = []
    before = 0
    for number, row in enumerate(lines):
        apart = number == 0 or gaps[number - 1] > min(max(usual, 0) + 0.35 * row.size, _FAR * row.size)
        alone = apart or (number + 1 < len(lines) and gaps[number] > max(usual, 0) + 0.35 * row.size)
        level = found.level(row, page, alone or before > 0)
        # The lines of one heading stand closer than two headings do.
        split = number > 0 and apart and (not level or gaps[number - 1] > 0.6 * row.size)
        if paragraph and (level != before or split or _begins(row, paragraph[-1], left, right)):
            yield _piece(paragraph, right - left, right, before)
            paragraph = []
        paragraph.append(row)
        before = level
    yield _piece(paragraph, right - left, right, before)


def _begins(row: Row, above: Row, left: float, right: float) -> bool:
    """Whether a line begins a paragraph: it is an item, in other letters, or indented below a short line."""
    other = abs(row.size - above.size) > 0.12 * row.size
    indented = row.left > left + 0.8 * row.size and above.left < row.left - 0.5 * row.size
    return other or bool(_ITEM.match(row.text)) or (indented and not _full(above, right - left, right))


def _full(row: Row, width: float, right: float) -> bool:
    """Whether a line reaches so far to the right that the next one goes on with it."""
    return row.right >= right - max(0.15 * width, 2 * row.size)


def _piece(paragraph: Sequence[Row], width: float, right: float, level: int) -> Piece:
    # So many large lines below each other are a title page or a poster, not a heading.
    if level and len(paragraph) <= _HEADING_LINES:
        return Piece(f"{'#' * level} {' '.join(row.text for row in paragraph)}", heading=level)
    text = _plain(paragraph[0].text)
    for above, row in pairwise(paragraph):
        text = joined(text, _plain(row.text)) if _full(above, width, right) else f"{text}\n{_plain(row.text)}"
    return Piece(text, open=_full(paragraph[-1], width, right) or text.endswith("-"))


def joined(text: str, more: str) -> str:
    """A line and the one that goes on with it; a word that was divided becomes one."""
    if _HYPHENATED.search(text) and more[:1].islower():
        return text[:-1] + more
    spaced = not (text[-1:] > "\u2e80" and more[:1] > "\u2e80")
    return f"{text} {more}" if spaced else text + more


def _plain(line: str) -> str:
    """A line that cannot be taken for markup."""
    return _LEADER.sub(" … ", _MARK.sub(" ", _BULLET.sub("- ", line)))
