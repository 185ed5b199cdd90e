"""What a Word document draws from other parts of its file: diagrams and charts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.indexing.readers.tables import Cell, markdown_table
from orchestrator.indexing.readers.word_package import WordPackage, child, name

_MOST_POINTS = 1_000


def diagram(package: WordPackage, part: str, identifier: str) -> Iterator[str]:
    """The texts of the shapes of a SmartArt diagram."""
    yield from _texts(_root(package, part, identifier))


def chart(package: WordPackage, part: str, identifier: str) -> Iterator[str]:
    """The titles of a chart, and a table of its values."""
    root = _root(package, part, identifier)
    yield from _texts(root)
    columns: list[list[str]] = []
    for series in () if root is None else root.iter():
        if name(series) != "c:ser":
            continue
        labels, values = _points(series, "c:cat", "c:xVal"), _points(series, "c:val", "c:yVal")
        if not columns:
            columns.append(["", *(labels.get(at, "") for at in range(len(values)))])
        names = _points(series, "c:tx")
        columns.append([" ".join(names.values()), *(values.get(at, "") for at in range(len(values)))])
    if columns:
        height = max(map(len, columns))
        full = [[*column, *[""] * (height - len(column))] for column in columns]
        yield markdown_table([[Cell(text) for text in row] for row in zip(*full, strict=True)], 1)


def _root(package: WordPackage, part: str, identifier: str) -> Any:
    target = package.target(part, identifier)
    return package.root(target) if target else None


def _texts(root: Any) -> Iterator[str]:
    for paragraph in () if root is None else root.iter():
        if name(paragraph) == "a:p":
            text = "".join(each.text or "" for each in paragraph.iter() if name(each) == "a:t").strip()
            if text:
                yield text


def _points(series: Any, *kinds: str) -> dict[int, str]:
    """The kept values of a series by their place."""
    found: dict[int, str] = {}
    holder = next((each for kind in kinds if (each := child(series, kind)) is not None), None)
    for point in () if holder is None else holder.iter():
        if name(point) == "c:pt":
            text = child(point, "c:v")
            at = point.get("idx", "")
            if text is not None and at.isdecimal() and len(at) < 9 and int(at) < _MOST_POINTS:
                found[int(at)] = text.text or ""
    return found
