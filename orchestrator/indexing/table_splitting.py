"""Long Markdown tables to passages: whole rows, below the header of the table in every passage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from orchestrator.text.tokens import token_count

_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_FENCES = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class Table:
    """The two lines that head a table, and its rows."""

    head: str
    rows: tuple[str, ...]


def holds_table(text: str) -> bool:
    """A quick look: whether there may be a table."""
    return "|" in text and "---" in text


def parts(text: str) -> Iterator[str | Table]:
    """Tables and the texts between them, in order. What looks like a table in code is none."""
    lines = text.split("\n")
    between: list[str] = []
    at, code = 0, False
    while at < len(lines):
        if lines[at].lstrip().startswith(_FENCES):
            code = not code
        if code or not _heads(lines, at):
            between.append(lines[at])
            at += 1
            continue
        end = at + 2
        while end < len(lines) and "|" in lines[end]:
            end += 1
        if before := "\n".join(between).strip("\n"):
            yield before
        yield Table("\n".join(lines[at : at + 2]), tuple(lines[at + 2 : end]))
        between, at = [], end
    if after := "\n".join(between).strip("\n"):
        yield after


def packed(
    found: Iterable[str | Table], tokens: int, packed_text: Callable[[str], Iterable[str]]
) -> Iterator[str]:
    """Passages of at most `tokens`. The end of the text before a table leads into it where there is room.

    Texts, and rows that are too long for a passage, are split by `packed_text`.
    """
    lead = ""
    for part in found:
        if isinstance(part, str):
            if lead:
                yield lead
            *whole, lead = list(packed_text(part)) or [""]
            yield from whole
            continue
        head = token_count(part.head)
        if head > tokens // 2:
            if lead:
                yield lead
            *whole, lead = list(packed_text("\n".join([part.head, *part.rows])))
            yield from whole
            continue
        first = token_count(part.rows[0]) + 1 if part.rows else 0
        text, size = part.head, head
        if lead:
            if token_count(lead) + 2 + head + first <= tokens:
                text, size = f"{lead}\n\n{part.head}", token_count(lead) + 2 + head
            else:
                yield lead
        lead, filled = "", not part.rows
        for row in part.rows:
            cost = token_count(row) + 1
            if size + cost > tokens and filled:
                yield text
                text, size, filled = part.head, head, False
            if size + cost > tokens:
                yield from packed_text(row)
                continue
            text, size, filled = f"{text}\n{row}", size + cost, True
        if filled or text != part.head:
            lead = text
    if lead:
        yield lead


def _heads(lines: list[str], at: int) -> bool:
    return (
        "|" in lines[at]
        and at + 1 < len(lines)
        and "|" in lines[at + 1]
        and _DELIMITER.fullmatch(lines[at + 1]) is not None
    )
