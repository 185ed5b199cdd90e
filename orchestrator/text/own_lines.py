"""Lines that stand by themselves: logs, chats, receipts, addresses, tables that lost their rules, poems.

In prose that was wrapped, a line ends where the next word no longer fits, and the next line goes on in lower
case. Where most lines end early, or begin as a sentence or a record does, they were broken by their author.
"""

from __future__ import annotations

import re
from itertools import pairwise

#: The share of line ends that must be the author's. In a paragraph of two lines, both signs are needed.
_MOST = 0.75
_ENDED = re.compile(r"[.!?…。！？,;:，；、-][\"'”’»)\]*_`]*$")
# What records have and prose has seldom: digits, or columns.
_RECORD = re.compile(r"\d|\t|\S {2,}\S")
# A field of a record, as `name: value`. So many make up no statement that can be quoted whole.
_FIELD, _RECORD_LINES = re.compile(r"[^\s:][^:\n]{0,60}:[ \t]+\S.*"), 10
_FIRST = re.compile(r"\S+")


def own_lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The spans of the lines of `text[start:end]` that stand by themselves; none if they are prose."""
    spans = _spans(text, start, end)
    if len(spans) < 2:
        return []
    lines = [text[first:last] for first, last in spans]
    if len(lines) > _RECORD_LINES and all(map(_FIELD.fullmatch, lines)):
        return spans
    width = max(map(len, lines))
    early = begun = 0
    for line, following in pairwise(lines):
        word = _FIRST.match(following)
        assert word is not None
        early += len(line) + 1 + len(word.group()) < width
        begun += _begins(line, following, width)
    ends = len(lines) - 1
    own = max(early, begun) if ends > 2 else min(early, begun)
    if ends <= 2 and not own:
        marked = all(not line[0].isalpha() for line in lines)
        closed = any(map(_ends_sentence, lines))
        own = begun if marked or (width <= _SHORT and not closed) else 0
    return spans if own >= _MOST * ends and not _is_prose(lines) else []


def _begins(line: str, following: str, width: int) -> bool:
    """Whether a line begins as a record does: with a mark or digit, in short lines with a capital."""
    if following[0].islower():
        return False
    if not following[0].isalpha():
        return not line.endswith(("-", ","))
    return width <= _NARROW or bool(_RECORD.search(line) and _RECORD.search(following))


#: No paragraph is wrapped as narrow as this.
_SHORT = 40
#: Prose of four lines or more is wrapped wider.
_NARROW = 45


def _spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for match in re.compile(r"[^\r\n]*[^\s][^\r\n]*").finditer(text, start, end):
        line = match.group()
        found.append((match.start() + len(line) - len(line.lstrip()), match.start() + len(line.rstrip())))
    return found


def _ends_sentence(line: str) -> bool:
    return _ENDED.search(line) is not None


def _is_prose(lines: list[str]) -> bool:
    """Whether sentences run over the ends of lines: marks that end them stand inside of lines, not behind."""
    inside = sum(len(re.findall(r"[a-z]{2}[.!?] +[A-Z]", line)) for line in lines)
    behind = sum(map(_ends_sentence, lines))
    return inside > behind and inside >= len(lines) / 2
