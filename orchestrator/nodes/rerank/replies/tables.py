"""Markdown tables: which passage has which score, or which rank."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.nodes.rerank.replies.references import Amount, amount, key_number

_RULE = re.compile(r"[\s|:\-–—+]+")
_HEADS = {
    "rank": re.compile(r"rank|position|place|order", re.IGNORECASE),
    "score": re.compile(r"score|relevance|rating|grade|points", re.IGNORECASE),
    "passage": re.compile(r"passage|doc|\bid\b|number|candidate|item|text|#|\bno\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as far as it can be told."""

    passage: int
    score: Amount | None = None
    rank: int | None = None


def rows(text: str) -> list[Row]:
    """The rows of the tables in a text that name a passage."""
    found: list[Row] = []
    columns: dict[str, int] | None = None
    for line in text.splitlines():
        if line.count("|") < 2:
            columns = None
            continue
        if _RULE.fullmatch(line):
            continue
        cells = [cell.strip().strip("*_` ") for cell in line.strip().strip("|").split("|")]
        if columns is None:
            columns = _columns(cells)
            if columns is not None:
                continue
            columns = {"passage": 0, "score": 1}
        row = _row(cells, columns)
        if row is not None:
            found.append(row)
    return found


def _columns(cells: list[str]) -> dict[str, int] | None:
    """Which column is what, by the head; None if this row is no head."""
    if any(amount(cell) is not None for cell in cells):
        return None
    columns: dict[str, int] = {}
    for kind, pattern in _HEADS.items():
        for place, cell in enumerate(cells):
            if kind not in columns and place not in columns.values() and pattern.search(cell):
                columns[kind] = place
    return columns


def _row(cells: list[str], columns: dict[str, int]) -> Row | None:
    def cell(kind: str) -> str:
        place = columns.get(kind, len(cells))
        return cells[place] if place < len(cells) else ""

    passage = key_number(cell("passage"))
    return None if passage is None else Row(passage, amount(cell("score")), key_number(cell("rank")))
