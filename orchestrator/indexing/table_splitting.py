"""Long Markdown tables to passages: whole rows, below the header of the table in every passage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from orchestrator.text.blocks import TABLE_RULE
from orchestrator.text.tokens import token_count

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
        if isinstance(part, Table) and token_count(part.head) <= tokens // 2:
            whole = list(_rows(part, lead, tokens, packed_text))
        else:
            text = part if isinstance(part, str) else "\n".join([part.head, *part.rows])
            whole = [*([lead] if lead else []), *packed_text(text)]
        *complete, lead = whole or [""]
        yield from complete
    if lead:
        yield lead


def _rows(table: Table, lead: str, tokens: int, packed_text: Callable[[str], Iterable[str]]) -> Iterator[str]:
    head = token_count(table.head)
    text, size, filled = table.head, head, not table.rows
    if lead:
        first = token_count(table.rows[0]) + 1 if table.rows else 0
        size = token_count(lead) + 2 + head
        if size + first <= tokens:
            text, filled = f"{lead}\n\n{table.head}", True
        else:
            yield lead
            size = head
    for row in table.rows:
        cost = token_count(row) + 1
        if size + cost > tokens:
            if filled:
                yield text
            text, size, filled = table.head, head, False
        if size + cost > tokens:
            yield from packed_text(row)
        else:
            text, size, filled = f"{text}\n{row}", size + cost, True
    if filled:
        yield text


def _heads(lines: list[str], at: int) -> bool:
    return (
        "|" in lines[at]
        and at + 1 < len(lines)
        and "|" in lines[at + 1]
        and TABLE_RULE.match(lines[at + 1]) is not None
    )
