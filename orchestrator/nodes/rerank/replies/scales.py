"""The scale that a reply's scores are on: 0–10 was asked for, and 0–1, 0–5 or 0–100 may come."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.nodes.rerank.replies.references import Amount

#: A scale that a reply states: "on a scale of 1 to 5", "(0-100)".
_STATED = re.compile(
    r"(?:scale\s*(?:of|from|:)?|range\s*(?:of|from|:)?|scores?|rat(?:ing|ed)s?|relevance)\s*\(?\s*(?:from\s+|of\s+)?"
    r"(?:0|1)(?:\.0)?\s*(?:-|–|to|\.\.)\s*(1|5|10|100)(?:\.0)?(?![\d]|\.\d)",
    re.IGNORECASE,
)
#: More than the scale's end by no more than this is a slip, and no other scale.
_SLIP = 1.5


def rescaled(amounts: Mapping[int, Amount], low: float, high: float, text: str = "") -> dict[int, float]:
    """Amounts as scores in [low, high], in the same order and without new ties.

    What was said of how much ("8/10", "80 %") is taken at its word, and so is a scale that the `text`
    states. Otherwise numbers tell it: fractions of 1, a few above `high`, or up to 100. Numbers
    beyond 100 are no scores, unless they were asked for.
    """
    width = high - low
    told = {number: one for number, one in amounts.items() if one.of is not None}
    bare = {number: one.value for number, one in amounts.items() if one.of is None}
    if low == 0:
        bare = {number: value for number, value in bare.items() if value <= max(100.0, high)}
    least, most = _ends(list(bare.values()), low, high, text)
    scores = {number: low + width * (one.value / (one.of or 1.0)) for number, one in told.items() if one.of}
    scores |= {number: low + width * (value - least) / (most - least) for number, value in bare.items()}
    return {number: min(high, max(low, scores[number])) for number in amounts if number in scores}


def _ends(values: list[float], low: float, high: float, text: str) -> tuple[float, float]:
    """The ends of the scale that these numbers are on."""
    if not values:
        return low, high
    least, most = min(*values, low), max(values)
    stated = _STATED.findall(text)
    if stated and most <= float(stated[-1]):
        return least, float(stated[-1])
    if most > high:
        return least, most if most <= _SLIP * high or low != 0 else max(100.0, most)
    if low == 0 and high > 1 and most <= 1 and any(not value.is_integer() for value in values):
        return least, 1.0
    return least, high
