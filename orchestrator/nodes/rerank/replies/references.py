"""How models name a passage and a score: `[3]`, `Passage 3`, `**Doc #3**`; `8`, `8/10`, `80 %`, `high`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Words that stand before a passage's number.
_WORD = r"(?:passages?|documents?|docs?|texts?|items?|candidates?|snippets?|results?|options?|id)"
#: A number that cannot be part of a longer one, of a decimal, or of a year.
_DIGITS = r"(?<![\w.,\-])(?<!\d)(\d{1,4})(?![\w%]|[.,]\d)"
_MARKS = r"[*_`\"'#\s]{0,8}"
#: A passage that is named beyond doubt: a number in brackets, or behind a word for it.
NAMED = re.compile(
    rf"\[\s*(?:{_WORD}[\s_#:\-]{{0,8}})?(\d{{1,4}})\s*\]"
    rf"|\b{_WORD}{_MARKS}(?:(?:number|no\.?|id)\b\s*)?[:_\-]?{_MARKS}[\[(]?\s*(\d{{1,4}})(?!\d|[.,]\d|\s*%)(?:\s*[\])])?",
    re.IGNORECASE,
)
#: A whole key or cell that names a passage.
_KEY = re.compile(
    rf"\W*(?:{_WORD}|p|d|no|number|rank(?:ed)?|index|pid|docid)?(?:[\s_#:.\-]{{0,8}}(?:id|number|no))?[\s_#:.\-]{{0,8}}\[?\s*(\d{{1,4}})\s*\]?\W*",
    re.IGNORECASE,
)
#: Words before a score.
_LABEL = (
    r"(?:(?:(?:final|overall|relevance|relevancy|total|the|a|usefulness)[\s_\-]{1,3}){0,4}"
    r"(?:scores?|scored|rated|ratings?|relevance|relevancy|grades?|graded|points|receives|gets|is|value)\b"
    r"(?:[\s_]+(?:of|is|at|as|score|rated|scored|graded|given|rating|a|an|with)\b)*)"
)
_AMOUNT = (
    r"(?<![\w.])(-?\d{1,5}(?:\.\d{1,6})?)(?![\w]|\.\d)"
    r"(?:\s*(?:/|out\s+of)\s*(\d{1,4}(?:\.\d+)?)(?!\w|\.\d)|\s*(%))?"
)
AMOUNT = re.compile(_AMOUNT, re.IGNORECASE)
_SEPARATOR = (
    r"(?:[\s*_`\"'\])}]{0,8}(?:[:=|][\s*_`\"'({\[]{0,8}|(?:->|=>|→|[-–—](?=[\s\d]))[\s*_`\"'({]{0,8})"
    r"|[*_`\"')\]]{0,8}\s*,\s*(?=[a-z])|\s*\(\s*|\s+)"
)
#: What stands between a named passage and its score.
BETWEEN = re.compile(
    rf"{_SEPARATOR}(?:\W{{0,4}}{_LABEL}\W{{0,6}})?{_MARKS}{_AMOUNT}",
    re.IGNORECASE,
)
LABELLED = re.compile(
    rf"\b(?:score|rating|relevance|relevancy|grade|points)\b[\s*_`\"']{{0,8}}(?:\([^)\n]*\))?[\s*_`\"']{{0,8}}"
    rf"(?:[:=]|->|→|[-–—]|\bis\b|\bof\b)+[\s*_`\"'(\[]{{0,8}}{_AMOUNT}",
    re.IGNORECASE,
)
#: What a scale's words are worth, as a part of it.
_WORDS: Mapping[str, float] = {
    **dict.fromkeys(("irrelevant", "not relevant", "none", "no", "useless", "unrelated"), 0.0),
    **dict.fromkeys(("low", "weak", "slightly relevant", "marginally relevant", "poor"), 0.25),
    **dict.fromkeys(("medium", "moderate", "partially relevant", "somewhat relevant", "fair"), 0.5),
    **dict.fromkeys(("high", "relevant", "yes", "good"), 0.75),
    **dict.fromkeys(
        ("very high", "highly relevant", "perfectly relevant", "fully relevant", "excellent"), 1.0
    ),
}
_NUMERALS = tuple("zero one two three four five six seven eight nine ten".split())


@dataclass(frozen=True, slots=True)
class Amount:
    """A score as it was written: of how much, where that was said."""

    value: float
    of: float | None = None


def amount_of(match: re.Match[str], first: int = 1) -> Amount:
    """The amount that a pattern has found, its groups from `first` on."""
    value, of, percent = match.group(first), match.group(first + 1), match.group(first + 2)
    return Amount(float(value), 100.0 if percent else float(of) if of and float(of) > 0 else None)


def amount(value: Any) -> Amount | None:
    """A score out of a JSON value; None for what is none, such as true."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        number = float(value) if abs(value) < 1e6 else float("inf")
        return Amount(number) if abs(number) < 1e6 else None
    if not isinstance(value, str):
        return None
    said = value.strip().strip("*_`\"'.")
    found = LABELLED.search(said) or AMOUNT.match(said) or re.search(rf"[:=–-]\s*{_AMOUNT}$", said)
    return amount_of(found) if found else worded(said)


def worded(text: str) -> Amount | None:
    """A score in a word: `high`, `eight`."""
    said = " ".join(text.lower().replace("-", " ").split())
    if said in _NUMERALS:
        return Amount(float(_NUMERALS.index(said)))
    return Amount(_WORDS[said], 1.0) if said in _WORDS else None


def named(match: re.Match[str]) -> int:
    """The number of the passage that `NAMED` has found."""
    return int(match.group(1) or match.group(2))


def key_number(value: Any) -> int | None:
    """The passage that a JSON key or value names, and nothing besides: 3, `"3"`, `"[3]"`, `"passage_3"`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10_000 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and 0 <= value < 10_000 else None
    found = _KEY.fullmatch(value) if isinstance(value, str) and len(value) < 60 else None
    return int(found.group(1)) if found else None
