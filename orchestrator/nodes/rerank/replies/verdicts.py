"""One verdict out of a reply: the passage that was picked, yes or no, a grade."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from orchestrator.nodes.rerank.replies.json_values import json_values
from orchestrator.nodes.rerank.replies.references import AMOUNT, LABELLED, Amount, amount, amount_of
from orchestrator.nodes.rerank.replies.scales import rescaled
from orchestrator.nodes.rerank.replies.sections import sections, spoken

_MARKS = " \t\r\n.,:;!*_`\"'[](){}<>#"
#: A capital letter behind words that pick it, or at the end of a sentence that says which it is.
_CHOSEN = re.compile(
    r"\b(?:[Nn]ot\s+[A-Z],?\s+but|(?:go|going|stick)\s+with|(?i:choose|pick|select|prefer))\s+([A-Z])\b(?!')"
    r"|\bis\s+([A-Z])\s*[.!]?\s*(?:$|\n)"
)
#: A grade that is given, and not labelled.
_GIVEN = re.compile(
    r"\b(?:gets?|gives?\s+(?:it|this)|deserves?|rate|rate\s+(?:it|this))\s+(?:an?\s+)?(?:at\s+)?"
    rf"{AMOUNT.pattern}",
    re.IGNORECASE,
)
_KEYS = (
    "answer",
    "label",
    "choice",
    "best",
    "worst",
    "passage",
    "verdict",
    "grade",
    "score",
    "relevance",
    "rating",
)


def parse_choice(text: str, options: Sequence[str]) -> int | None:
    """The position of the option that a reply names, whatever its case; None if it names none or several.

    Reads `<answer>[B]</answer>`, `{"answer": "B"}`, `Passage B`, `Yes, because …`, and the last sentence
    that names one option alone.
    """
    known = {option.casefold(): position for position, option in enumerate(options)}
    answer = spoken(text)
    words = [word.casefold() for word in re.findall(r"\w+", answer)]
    if len({*words} & {*known}) > 1 and {*words} <= {*known, "and", "or"}:
        # Nothing is said but one option and another.
        return None
    for part in sections(answer):
        said = _said(part)
        exact = known.get(said.strip(_MARKS).casefold())
        if exact is not None:
            return exact
        found = _leading(said, known)
        if found is None:
            found = _in_sentence(said, options, known)
        if found is not None:
            return found
    return None


def parse_grade(text: str, low: float, high: float) -> float | None:
    """A grade in [low, high]: a number alone, `Score: 8`, `8/10`, JSON; the last one of several."""
    answer = spoken(text)
    for part in sections(answer):
        found = _grade(_said(part))
        scores = rescaled([{0: found}], low, high)[0] if found is not None else {}
        if scores:
            return scores[0]
    return None


def _said(text: str) -> str:
    """What a JSON object says under the key of an answer, or the text."""
    for found in reversed(json_values(text)):
        table: Any = found.value
        if isinstance(table, dict):
            table = cast("dict[Any, Any]", table)
            for key in _KEYS:
                for name, value in table.items():
                    if key in str(name).lower() and isinstance(value, str | int | float):
                        return str(value)
    return text


def _leading(said: str, known: dict[str, int]) -> int | None:
    """`Yes, because …`, `B: it says …`, `Passage B`: an option at the beginning, and a mark behind it."""
    found = re.match(
        r"\W*(?:(?:passage|document|option|label|answer)\b\W*(?:is\b\W*)?)?(\w+)\W*(?:$|(?<=[\W])|\n)",
        said,
        re.IGNORECASE,
    )
    if found is None or found.group(1).casefold() not in known:
        return None
    word = found.group(1)
    behind = said[found.end(1) : found.end(1) + 1]
    # "A passage about …" begins with an article.
    return (
        known[word.casefold()] if behind in ("", ".", ",", ":", ";", "\n", "]", ")", "*", '"', "!") else None
    )


def _in_sentence(said: str, options: Sequence[str], known: dict[str, int]) -> int | None:
    single = all(len(option) == 1 for option in options)
    pattern = re.compile(
        r"\[\s*(\w+)\s*\]|(?:passage|option|label|document|answer(?:\s+is)?:?)\s+\W*(\w+)\b"
        if single
        else r"\b(\w+)\b()",
        re.IGNORECASE,
    )
    picked = _CHOSEN.finditer(said) if single else iter(())
    chosen = {(each.group(1) or each.group(2)).casefold() for each in picked} & set(known)
    if len(chosen) == 1:
        return known[chosen.pop()]
    for sentence in reversed(re.split(r"(?<=[.!?])\s+|\n+", said)):
        words = {(one or two).casefold() for one, two in pattern.findall(sentence)} & set(known)
        if len(words) == 1:
            return known[words.pop()]
        if words:
            return None
    return None


def _grade(said: str) -> Amount | None:
    said = re.sub(r"^(\d{1,2}),(\d{1,2})$", r"\1.\2", said.strip())
    whole = amount(said.strip(_MARKS)) if len(said) < 40 else None
    if whole is not None and AMOUNT.fullmatch(said.strip(_MARKS)):
        return whole
    labelled = list(LABELLED.finditer(said))
    if labelled:
        return amount_of(labelled[-1])
    given = list(_GIVEN.finditer(said))
    if given:
        return amount_of(given[-1])
    worded = re.search(r"\b(?:grade|score|rating)\W{1,3}([a-z]+)\b", said, re.IGNORECASE)
    if worded and (one := amount(worded.group(1))) is not None:
        return one
    last = re.search(rf":\s*{AMOUNT.pattern}\W*$", said)
    if last:
        return amount_of(last)
    found = list(AMOUNT.finditer(said))
    if len(found) == 1:
        return amount_of(found[0])
    last = said.strip().splitlines()[-1] if said.strip() else ""
    alone = amount(last.strip(_MARKS)) if len(last) < 20 else None
    return alone if found or alone else None
