"""Running heads, feet and page numbers of a PDF: lines at the same place on most pages."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.indexing.readers.pdf_characters import Run
from orchestrator.indexing.readers.pdf_layout import Row, rows

#: How many lines at the top and the bottom of a page may repeat, and on which part of the pages they do:
#: the heads of left and right pages may differ, and a chapter has its own.
_LINES, _OFTEN = 3, 0.3
_FEWEST_PAGES = 3
#: A line with the page's number is no longer, and most pages have it.
_LONGEST, _MOST = 120, 0.6
_FIRST, _LAST = re.compile(r"\d{1,4}(?=\s|$)"), re.compile(r"(?:(?<=\s)|^)\d{1,4}$")
_DIGITS = re.compile(r"\d+")


def without_running_heads(pages: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """The runs of each page without lines that repeat at the top and the bottom, and without its number."""
    if len(pages) < _FEWEST_PAGES:
        return [list(page) for page in pages]
    edges = [_edges(rows(page)) for page in pages]
    seen: dict[tuple[str, int], list[tuple[int, Row]]] = defaultdict(list)
    for number, lines in enumerate(edges):
        for row in lines:
            seen[_form(row.text), round(row.bottom / 4)].append((number, row))
    gone: list[set[int]] = [set() for _ in pages]
    enough = max(_FEWEST_PAGES, _OFTEN * len(pages))
    for (form, height), _ in list(seen.items()):
        # What stands on a line between two heights is counted with both.
        found = {
            number: row
            for near in (height - 1, height, height + 1)
            for number, row in seen.get((form, near), ())
        }
        if len(found) < enough or not _counts_pages(found):
            continue
        # A head of several parts may be that of a table: what it says is kept once.
        first = min(found) if any(len(row.runs) > 1 for row in found.values()) and "#" not in form else -1
        for number, row in found.items():
            if number != first:
                gone[number].update(map(id, row.runs))
    for number, row in _numbered(edges):
        gone[number].update(map(id, row.runs))
    return [[run for run in page if id(run) not in gone[number]] for number, page in enumerate(pages)]


def _numbered(edges: Sequence[Sequence[Row]]) -> Iterator[tuple[int, Row]]:
    """Lines that begin or end with the number of their page, where most pages have one."""
    counted: dict[int, dict[int, Row]] = defaultdict(dict)
    for page, lines in enumerate(edges):
        for row in lines:
            for found in (_FIRST.match(row.text), _LAST.search(row.text)):
                if found and len(row.text) <= _LONGEST:
                    counted[int(found.group()) - page].setdefault(page, row)
    for pages in counted.values():
        if len(pages) >= max(_FEWEST_PAGES, _MOST * len(edges)):
            yield from pages.items()


def _edges(lines: Sequence[Row]) -> list[Row]:
    # A page of few lines has no more of them than text between.
    most = min(_LINES, (len(lines) + 1) // 3)
    return [*lines[:most], *lines[len(lines) - most :]]


def _form(text: str) -> str:
    return _DIGITS.sub("#", text.casefold())


def _counts_pages(found: dict[int, Row]) -> bool:
    """Whether the numbers of lines on these pages rise with the pages, or are the same everywhere."""
    numbers = {page: [int(digits[:9]) for digits in _DIGITS.findall(row.text)] for page, row in found.items()}
    length = len(next(iter(numbers.values())))
    for at in range(length):
        steps = Counter(values[at] - page for page, values in numbers.items())
        same = Counter(values[at] for values in numbers.values())
        if max(*steps.values(), *same.values()) < 0.7 * len(found):
            return False
    return True
