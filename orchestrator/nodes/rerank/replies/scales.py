"""The scale that a reply's scores are on: 0–10 was asked for, and 0–1, 0–5 or 0–100 may come."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from orchestrator.nodes.rerank.replies.references import Amount

#: A scale that a reply states: "on a scale of 1 to 5", "(0-100)".
_STATED = re.compile(
    r"(?:scale\s*(?:of|from|:)?|range\s*(?:of|from|:)?|scores?|rat(?:ing|ed)s?|relevance)\s*\(?\s*(?:from\s+|of\s+)?"
    r"(?:0|1)(?:\.0)?\s*(?:-|–|to|\.\.)\s*(1|5|10|100)(?:\.0)?(?![\d]|\.\d)",
    re.IGNORECASE,
)
#: More than the scale's end by no more than this is a slip, and no other scale.
_SLIP = 1.5
#: Ends of scales that models take by themselves.
_SCALES = (10.0, 100.0)


def stated(amounts: Mapping[int, Amount], text: str) -> dict[int, Amount]:
    """Amounts that are of the scale that a reply states, where it states one that holds them all."""
    told = _STATED.findall(text)
    bare = [one.value for one in amounts.values() if one.of is None]
    if not told or not bare or max(bare) > float(told[-1]):
        return dict(amounts)
    whole = float(told[-1])
    return {number: Amount(one.value, one.of or whole) for number, one in amounts.items()}


def rescaled(replies: Sequence[Mapping[int, Amount]], low: float, high: float) -> list[dict[int, float]]:
    """The amounts of all replies to one demand as scores in [low, high], in the same order, with no new ties.

    What was said of how much ("8/10", "80 %", "on a scale of 1 to 5") is taken at its word. The other numbers
    of all replies are on one scale, which they tell together: fractions of 1, a few above `high`, up to 10,
    or up to 100. Numbers beyond 100 are no scores, unless they were asked for.
    """
    width = high - low
    limit = max(100.0, high) if low == 0 else math.inf
    bare = [one.value for reply in replies for one in reply.values() if one.of is None and one.value <= limit]
    least, most = _ends(bare, low, high)

    def score(one: Amount) -> float:
        share = one.value / one.of if one.of else (one.value - least) / (most - least)
        return min(high, max(low, low + width * share))

    return [
        {number: score(one) for number, one in reply.items() if one.of or one.value <= limit}
        for reply in replies
    ]


def _ends(values: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """The ends of the scale that these numbers are on."""
    if not values:
        return low, high
    least, most = min(*values, low), max(values)
    if most > high:
        slip = most <= _SLIP * high or low != 0
        return least, most if slip else next((end for end in _SCALES if end >= most), most)
    if low == 0 and high > 1 and most <= 1 and any(not value.is_integer() for value in values):
        return least, 1.0
    return least, high
