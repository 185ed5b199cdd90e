"""JSON in a text: every value with its place, also those that were cut short or are nearly JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

#: Brackets within brackets; an answer has a few, and garbage thousands.
DEEPEST = 12
#: Places at which JSON may begin that are tried.
BEGINNINGS = 400
_CLOSING = {"{": "}", "[": "]"}
_UNQUOTED = re.compile(r"([{,]\s*)(\[?\w[\w \-]{0,40}\]?)\s*:")
_TRAILING = re.compile(r",(\s*[}\]])")
_COMMENT = re.compile(r"(?m)\s//[^\n\"]*$")


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value and where it stands; `cut` if the text ended before it did."""

    value: Any
    start: int
    end: int
    cut: bool = False


def json_values(text: str) -> list[Found]:
    """The objects and lists of a text in their order, the outermost of each.

    Of one that the text's end cuts, what was complete: an entry counts once a comma or a bracket follows
    it, since `"6": 1` may have been to become `"6": 10`. Single quotes, keys without quotes and commas too
    many are read as they were meant.
    """
    found: list[Found] = []
    at = tried = 0
    while tried < BEGINNINGS and (start := _opening(text, at)) >= 0:
        tried += 1
        read = _value(text, start)
        if read is None:
            at = start + 1
            continue
        found.append(read)
        at = read.end
    return found


def _opening(text: str, start: int) -> int:
    places = [place for mark in "{[" if (place := text.find(mark, start)) >= 0]
    return min(places, default=-1)


def _value(text: str, start: int) -> Found | None:
    """The value that begins here, if one does."""
    expected: list[str] = []
    #: Where the text can be cut, and what closes it there.
    safe: tuple[int, tuple[str, ...]] | None = None
    quoted = False
    place = start
    while place < len(text):
        mark = text[place]
        if quoted:
            if mark == "\\":
                place += 1
            elif mark == '"':
                quoted = False
        elif mark == '"':
            quoted = True
        elif mark in _CLOSING:
            expected.append(_CLOSING[mark])
            if len(expected) > DEEPEST:
                return None
        elif mark in "}]":
            if expected.pop() != mark:
                return None
            if not expected:
                return _read(text[start : place + 1], start, place + 1)
            safe = place + 1, tuple(expected)
        elif mark == ",":
            safe = place, tuple(expected)
        place += 1
    if safe is None:
        return None
    end, closing = safe
    read = _read(text[start:end] + "".join(reversed(closing)), start, len(text))
    return None if read is None else Found(read.value, start, len(text), cut=True)


def _read(text: str, start: int, end: int) -> Found | None:
    for variant in (text, _mended(text)):
        try:
            value: Any = _within(json.loads(variant))
        except (ValueError, RecursionError):
            continue
        return Found(value, start, end)
    return None


def _within(value: Any) -> Any:
    """A value, with the objects that its strings hold: arguments of a tool come as one."""
    if isinstance(value, dict):
        return {key: _within(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and value.rstrip()[-1:] in ("}", "]"):
        try:
            inner: Any = json.loads(value)
        except (ValueError, RecursionError):
            return value
        # "[3]" is the name of a passage.
        return inner if len(inner) > 1 else value
    return value


def _mended(text: str) -> str:
    mended = _COMMENT.sub("", text)
    if '"' not in mended:
        mended = mended.replace("'", '"')
    mended = _UNQUOTED.sub(r'\1"\2":', mended)
    return _TRAILING.sub(r"\1", mended)
