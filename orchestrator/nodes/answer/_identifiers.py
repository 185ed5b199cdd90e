"""Identifiers: ids, dates and numbers whose parts say nothing alone: `ORD-2024-18`, `2024-05-13`, `12.50`.

A search finds them by their parts. To an answer, a sentence with another id of the same parts says nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

_IDENTIFIER = re.compile(r"(?<!\w)(?=[\w./:-]*\d)\w+(?:[-/.:]\w+)+(?!\w)")
_PARTS = re.compile(r"[-/.:]")
# Dates and times are written in many ways: where this one stands nowhere, its parts may.
_DATE = re.compile(r"\d{1,4}(?:[-/.:]\d{1,4}){1,2}")


def identifiers(text: str) -> list[str]:
    """The identifiers of a question, each once."""
    return list(dict.fromkeys(_IDENTIFIER.findall(text)))


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
