"""The blocks of a text, line by line: headings, paragraphs, list items, table rows, code.

Markdown is recognised where it is written; plain text is paragraphs between blank lines. Every
passage must be readable alone, even one cut out of the middle of a list or a table, so this reads
lines rather than a whole document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "heading", "item", "row", "code"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"([ \t]*)(?:[-*+•‣◦▪–]|\(?\d{1,3}[.)]|\(?[a-z][)])[ \t]+(?=\S)")
_FIRST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦▪]|\(?[1a][.)])[ \t]+(?=\S)")
#: The line below the names of a table's columns.
TABLE_RULE = re.compile(r"[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?$")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")


@dataclass(frozen=True, slots=True)
class Block:
    """The lines `text[start:end]`. `header` marks the head of a table, `indent` an item's column."""

    start: int
    end: int
    kind: Kind
    indent: int = 0
    header: bool = False


def blocks(text: str) -> Iterator[Block]:
    """The blocks of `text` in order; blank lines, rules, comments and front matter belong to none."""
    lines = _lines(text)
    at = _front_matter(lines)
    if last := _fence_begun_before(lines):
        yield Block(lines[0][0], lines[last][1], "code")
        at = last + 1
    listed = False
    while at < len(lines):
        start, end, line = lines[at]
        if not line.strip() or (_RULE.match(line) and not _ITEM.match(line)):
            at += 1
        elif line.lstrip().startswith("<!--"):
            at = _after(lines, at, "-->")
        elif fence := _FENCE.match(line):
            last = _fence_end(lines, at, fence.group(1))
            yield Block(start, lines[last][1], "code")
            at = last + 1
        elif _HEADING.match(line):
            if line.strip(" \t#"):
                yield Block(start, end, "heading")
            at, listed = at + 1, False
        elif _table_head(lines, at):
            yield Block(start, lines[at + 1][1], "row", header=True)
            at, listed = at + 2, False
            while at < len(lines) and "|" in lines[at][2]:
                yield Block(lines[at][0], lines[at][1], "row")
                at += 1
        elif _ROW.match(line):
            yield Block(start, end, "row")
            at, listed = at + 1, False
        elif item := _ITEM.match(line):
            last = _paragraph_end(lines, at)
            yield Block(start, lines[last][1], "item", indent=len(item.group(1).expandtabs(4)))
            at, listed = last + 1, True
        elif _INDENTED.match(line) and not listed:
            last = at
            while last + 1 < len(lines) and _INDENTED.match(lines[last + 1][2]):
                last += 1
            yield Block(start, lines[last][1], "code")
            at = last + 1
        else:
            last = _paragraph_end(lines, at)
            if last == at and last + 1 < len(lines) and _UNDERLINE.match(lines[last + 1][2]):
                yield Block(start, lines[last + 1][1], "heading")
                last += 1
            else:
                yield Block(start, lines[last][1], "prose")
            # Text that is indented below an item still belongs to its list.
            at, listed = last + 1, listed and line[:1].isspace()


def _lines(text: str) -> list[tuple[int, int, str]]:
    """(start, end without the line break, line) of every line."""
    found: list[tuple[int, int, str]] = []
    start = 0
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        end = stop - 1 if stop > start and text[stop - 1] == "\r" else stop
        found.append((start, end, text[start:end]))
        start = stop + 1
    return found


def _front_matter(lines: list[tuple[int, int, str]]) -> int:
    if lines and lines[0][2].rstrip() == "---":
        for number, (_, _, line) in enumerate(lines[1:60], 1):
            if line.rstrip() == "---":
                return number + 1
            if line.strip() and not re.match(r"[\w-]+:|[ \t-]", line):
                break
    return 0


def _after(lines: list[tuple[int, int, str]], at: int, mark: str) -> int:
    """The line after the one with `mark`; a comment that is never closed hides its first line only."""
    for number in range(at, len(lines)):
        if mark in lines[number][2]:
            return number + 1
    return at + 1


def _fence_begun_before(lines: list[tuple[int, int, str]]) -> int:
    """The line that ends code which an earlier passage began, or 0.

    Fences come in pairs but for the one cut off; one that ends code has a line of code before it, a
    blank line behind it, and names no language.
    """
    fences = [number for number, (_, _, line) in enumerate(lines) if _FENCE.match(line)]
    if len(fences) % 2 == 0 or fences[0] == 0:
        return 0
    first = fences[0]
    bare = not lines[first][2].strip().strip("`~")
    behind = first + 1 == len(lines) or not lines[first + 1][2].strip()
    return first if bare and behind and lines[first - 1][2].strip() else 0


def _fence_end(lines: list[tuple[int, int, str]], at: int, fence: str) -> int:
    for number in range(at + 1, len(lines)):
        line = lines[number][2].strip()
        if line.startswith(fence) and not line.strip(fence[0]):
            return number
    # The rest of the code lies in the next passage.
    return len(lines) - 1


def _table_head(lines: list[tuple[int, int, str]], at: int) -> bool:
    return (
        "|" in lines[at][2]
        and at + 1 < len(lines)
        and "|" in lines[at + 1][2]
        and TABLE_RULE.match(lines[at + 1][2]) is not None
    )


def _paragraph_end(lines: list[tuple[int, int, str]], at: int) -> int:
    """The last line of the paragraph or item that begins at line `at`."""
    last = at
    # In a wrapped paragraph, a line may begin with a number and a full stop: only "1." begins a list.
    item = _ITEM if _ITEM.match(lines[at][2]) else _FIRST_ITEM
    while last + 1 < len(lines):
        line = lines[last + 1][2]
        if (
            not line.strip()
            or _FENCE.match(line)
            or _HEADING.match(line)
            or item.match(line)
            or _ROW.match(line)
            or line.lstrip().startswith("<!--")
            or _UNDERLINE.match(line)
            or _table_head(lines, last + 1)
        ):
            break
        last += 1
    return last
