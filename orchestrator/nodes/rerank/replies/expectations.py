"""Grades as expectations: what a model would have written instead, weighted by its probabilities.

A small model writes the same grade for nearly everything. How likely the other grades were in its place
tells passages apart all the same (ERank, arXiv 2509.00520, does so for one passage a call).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from orchestrator.ports import GeneratedToken, Generation

#: Log-probabilities that are asked for at each token: the most that servers list.
ALTERNATIVES = 20
#: Grades that together have less than this tell nothing: the model was about to write something else.
FLOOR = 0.01
_ENTRY = re.compile(r'"(\d+)"\s*:\s*(\d+)')
_DIGITS = re.compile(r"\d+")


def expected_grades(made: Generation[Any], highest: int) -> dict[int, float]:
    """The expected grade by passage number, as a reply `{"1": 8, …}` counts them.

    Passages whose grade the server gave no log-probabilities for are left out, and so are all of a reply
    that is not an object of whole grades from 0 to `highest`.
    """
    if not made.tokens or not _is_plain(made.text, highest):
        return {}
    grades = [str(grade) for grade in range(highest + 1)]
    found: dict[int, float] = {}
    for entry in _ENTRY.finditer(made.text):
        place = next((n for n, each in enumerate(made.tokens) if _holds(each, entry.start(2))), None)
        if place is not None:
            following = made.tokens[place + 1] if place + 1 < len(made.tokens) else None
            step = _Step(made.tokens[place], following, entry.start(2), entry.group(2), grades)
            expected = step.expectation()
            if expected is not None:
                found[int(entry.group(1))] = expected
    return found


class _Step:
    """The token in which the grade `written` begins, at `start` of the text, and the one after it."""

    def __init__(
        self,
        token: GeneratedToken,
        following: GeneratedToken | None,
        start: int,
        written: str,
        grades: Sequence[str],
    ) -> None:
        self._token = token
        self._following = following
        self._before = token.text[: start - token.start]
        self._written = written
        self._grades = grades

    def expectation(self) -> float | None:
        """The mean of the grades by the mass of the tokens that begin them; None if that is next to none."""
        masses = self._begun()
        total = math.fsum(masses.values())
        if total < FLOOR:
            return None
        return math.fsum(mass * self._worth(digits, masses) for digits, mass in masses.items()) / total

    def _begun(self) -> dict[str, float]:
        """The grades, or beginnings of grades, that the listed tokens hold, and their probabilities."""
        masses: dict[str, float] = {}
        # A token may hold a blank or more before the grade.
        lead = self._before if self._before.strip() else ""
        for text, value in self._token.likeliest.items():
            found = _DIGITS.match(text[len(lead) :].lstrip()) if text.startswith(lead) else None
            if found and any(grade.startswith(found.group()) for grade in self._grades):
                masses[found.group()] = masses.get(found.group(), 0.0) + math.exp(value)
        return masses

    def _worth(self, digits: str, masses: Mapping[str, float]) -> float:
        """The grade that digits stand for; of some that may go on, as the next token says, or the nearest.

        "1" may become "10". Where a token is "10", "1" is 1.
        """
        longer = [each for each in self._grades if each.startswith(digits) and each not in (digits, *masses)]
        if not longer:
            return float(digits)
        meant = {each: 0.0 for each in (digits, *longer) if each in self._grades}
        if self._following is not None and self._token.text[len(self._before) :].strip() == digits:
            for text, value in self._following.likeliest.items():
                number = digits + (text[:1] if text[:1].isdigit() else "")
                if text and number in meant:
                    meant[number] += math.exp(value)
        if total := math.fsum(meant.values()):
            return math.fsum(int(number) * mass for number, mass in meant.items()) / total
        return float(min(meant, key=lambda each: abs(int(each) - int(self._written))))


def _holds(token: GeneratedToken, place: int) -> bool:
    return token.start <= place < token.start + len(token.text)


def _is_plain(text: str, highest: int) -> bool:
    """Whether a text is one object of whole numbers on the scale, for passages counted from 1."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or "0" in value:
        return False
    grades = list(cast("dict[str, Any]", value).values())
    return all(isinstance(each, int) and not isinstance(each, bool) for each in grades) and all(
        0 <= each <= highest for each in grades
    )
