"""Identifiers: ids, dates and numbers whose parts say nothing alone: `ORD-2024-18`, `2024-05-13`, `12.50`.

A search finds them by their parts, and once more whole, since another id of the same parts is not it. To an
answer, a sentence with another one says nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

_IDENTIFIER = re.compile(r"(?<!\w)(?=[\w./:-]*\d)\w+(?:[-/.:]\w+)+(?!\w)")
# What a search takes whole: dates, numbers of versions and ids of at least three parts, two of them with
# digits. "30-minute" and "1.5" are words like others.
_WHOLE = re.compile(r"(?<![\w./-])(?:\d+(?:[./-]\d+){2,}|[A-Za-z0-9]+(?:-[A-Za-z0-9]+){2,})(?![\w/-])")
_PARTS = re.compile(r"[-/.:]")
# Dates and times are written in many ways: where this one stands nowhere, its parts may.
_DATE = re.compile(r"\d{1,4}(?:[-/.:]\d{1,4}){1,2}")


def identifiers(text: str) -> list[str]:
    """The identifiers of a question, each once."""
    return list(dict.fromkeys(_IDENTIFIER.findall(text)))


def with_whole_identifiers(text: str) -> str:
    """The text with each date and id once more as one word."""
    return _WHOLE.sub(_and_whole, text)


def _and_whole(found: re.Match[str]) -> str:
    parts = _PARTS.split(found.group())
    if sum(any(map(str.isdigit, part)) for part in parts) < 2:
        return found.group()
    return f"{found.group()} {'x'.join(parts)}"


def is_date(identifier: str) -> bool:
    """Whether an identifier may be a date or a time."""
    return _DATE.fullmatch(identifier) is not None


def holds(text: str, identifier: str) -> bool:
    """Whether a text has the identifier, whatever its parts are joined by."""
    return _pattern(identifier).search(text) is not None


@lru_cache(256)
def _pattern(identifier: str) -> re.Pattern[str]:
    parts = r"[\W_]{0,2}".join(re.escape(part) for part in _PARTS.split(identifier))
    return re.compile(rf"(?<!\w){parts}(?!\w)", re.IGNORECASE)
