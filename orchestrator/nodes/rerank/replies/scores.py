"""Scores of passages out of a reply: JSON of any shape, lines, tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from orchestrator.nodes.rerank.replies.json_values import Found, json_values
from orchestrator.nodes.rerank.replies.references import (
    AMOUNT,
    BETWEEN,
    LABELLED,
    NAMED,
    Amount,
    amount,
    amount_of,
    key_number,
    named,
)
from orchestrator.nodes.rerank.replies.scales import rescaled, stated
from orchestrator.nodes.rerank.replies.sections import most_told, read_in, spoken
from orchestrator.nodes.rerank.replies.tables import rows

Amounts = dict[int, Amount]

_SCORE_KEYS = ("score", "relevance", "rating", "grade", "points", "value")
_ID_KEY = re.compile(
    r"(?:passage|document|doc|item|text|candidate|p)?[_\s\-]*(?:id|number|no|index|idx|label)?", re.IGNORECASE
)
#: A list marker of a line.
_BULLET = re.compile(r"\s*(?:[-*•>#]+\s+|[*_`#>]+)*")
_NUMBERED = re.compile(r"\s*[*_]{0,2}(\d{1,3})[*_]{0,2}\s*[.)][*_]{0,2}\s+")
#: A number and its score, in a line that has nothing but such pairs.
_PAIR = re.compile(
    r"""["'(\[*_`]{0,8}\b(\d{1,4})["'\])*_`]{0,8}\s*(?:[:=|]|->|=>|→|[-–](?=\s))\s*["'*_`]{0,8}"""
    r"""(-?\d{1,5}(?:\.\d{1,6})?)(?![\w.]\d?)(?:\s*(?:/|out\s+of)\s*(\d{1,4})(?!\d)|\s*(%))?"""
)
#: What may have been to go on: `{"1": 1` before `0}`.
_CUT_NUMBER = re.compile(r"[\d./]+\s*$")
_PAIRS_ONLY = re.compile(r"[\s,;|&*_`\"'{}()\[\].\-]*(?:and)?[\s,;|&*_`\"'{}()\[\].\-]*")
#: A score, and then whose it is: `8 to passage 1`, `8/10 for [1]`, `Score: 8 (Passage 1)`.
_BEFORE = re.compile(
    rf"{AMOUNT.pattern}\s*(?:points?\s*)?(?:to|for|→|->|\()\s*(?={NAMED.pattern})", re.IGNORECASE
)
#: One score of several: `Passages 1, 2 and 4 get 8`.
_SHARED = re.compile(
    r"\b(?:passages|documents|docs|items|texts)\s+(\d{1,3}(?:\s*,\s*\d{1,3})*,?\s*(?:and|&)\s*\d{1,3})\s*"
    rf"(?:each\s+|all\s+|both\s+)?(?:gets?|scores?|receives?|deserves?|:|=)\s*(?:a\s+)?{AMOUNT.pattern}",
    re.IGNORECASE,
)
#: Words in quotation marks behind a passage's name are its own, with whatever numbers they have.
_QUOTED = re.compile(r'"[^"\n]{1,400}"')
_LETTERS = re.compile(r"[^\W\d_]{2}")
#: What a passage is judged by besides; its score comes further below.
_PART = re.compile(r"\b(?:relevance|relevancy)\b", re.IGNORECASE)
#: A score behind a word for it: `Relevance: high (8)`, and at the beginning of an entry `Score 8`.
_IN_WORDS = re.compile(
    r"(?:score|rating|relevance|relevancy|grade)\W{1,4}(?:(?:very\s+)?[a-z]+\s*\(\s*)?"
    rf"{AMOUNT.pattern}",
    re.IGNORECASE,
)
#: A passage and its score as columns, or as a pair; a line of scores alone.
_COLUMNS = re.compile(r"\W{0,3}(\d{1,3})(?:\s*[,;\t]\s*|\s+)(\d{1,3}(?:\.\d+)?)\W{0,3}")
_TUPLE = re.compile(r"[(\[]\s*(\d{1,3})\s*,\s*(\d{1,3}(?:\.\d+)?)\s*[)\]]")
_ROW = re.compile(r"(?:\d{1,3}(?:\.\d+)?)(?:[\s,;]+\d{1,3}(?:\.\d+)?)*\.?")
_LAST_AMOUNT = re.compile(rf"[:=–—-]\s*[*_`\"'(]{{0,8}}{AMOUNT.pattern}[\s*_`\"')\].]{{0,8}}$", re.IGNORECASE)


def parse_scores(text: str, size: int, *, low: float = 0.0, high: float = 10.0) -> dict[int, float]:
    """Score by zero-based number, for as many of `size` passages, counted from 1, as a reply tells.

    Scores on another scale are brought to [low, high], as this reply tells it (`rescaled`).
    """
    return rescaled([parse_amounts(text, size)], low, high)[0]


def parse_amounts(text: str, size: int) -> Amounts:
    """The same, as they are written.

    Thoughts and reasons are not read. JSON counts before anything else; of several readings the last
    that says enough.
    """
    answer = spoken(text)

    def read(part: str) -> Amounts:
        found = [each for each in json_values(part) if not _reference(each)]
        text = _CUT_NUMBER.sub("", part) if part.count("{") > part.count("}") else part
        return _by_json(found, size) or _by_table(text) or _by_lines(text) or _by_columns(text, size)

    return stated(read_in(answer, lambda part: _of(read(part), size)), answer)


def _of(amounts: Amounts, size: int) -> Amounts:
    """Numbers counted from 0, strangers dropped. Who names all from 0 to size − 1 has counted from 0."""
    offset = 0 if set(amounts) == set(range(size)) and size > 1 else 1
    return {number - offset: one for number, one in amounts.items() if 0 <= number - offset < size}


def _reference(found: Found) -> bool:
    """Whether what looks like a list of one number names a passage: `[3]`."""
    value = found.value
    return (
        isinstance(value, list)
        and len(cast("list[Any]", value)) <= 1
        and not _nested(cast("list[Any]", value))
    )


def _nested(values: Sequence[Any]) -> bool:
    return any(isinstance(each, list | dict) for each in values)


# -- JSON ------------------------------------------------------------------------------------------


def _by_json(found: Sequence[Found], size: int) -> Amounts:
    readings = [_amounts(each.value, size, "", cut=each.cut) for each in found]
    # An object a line is one answer.
    if len(readings) > 1 and all(len(each) <= 1 for each in readings):
        return _merged(readings)
    return most_told([_of_strangers_rid(each, size) for each in readings]) or {}


def _of_strangers_rid(amounts: Amounts, size: int) -> Amounts:
    return {number: one for number, one in amounts.items() if 0 <= number <= size}


def _merged(readings: Sequence[Amounts]) -> Amounts:
    return {number: one for each in readings for number, one in each.items()}


def _amounts(value: Any, size: int, key: str, *, cut: bool) -> Amounts:
    """Scores in a JSON value that stands under `key`."""
    if isinstance(value, Mapping):
        return _of_table(cast("Mapping[Any, Any]", value), size, cut=cut)
    if isinstance(value, list):
        return _of_list(cast("list[Any]", value), size, key, cut=cut)
    if isinstance(value, str) and key:
        return _by_lines(value)
    return {}


def _of_table(table: Mapping[Any, Any], size: int, *, cut: bool) -> Amounts:
    direct: Amounts = {}
    for key, value in table.items():
        number, score = key_number(key), _entry_amount(value)
        if number is not None and score is not None:
            direct[number] = score
    entry = _entry(table)
    if entry is not None and not direct:
        return dict([entry])
    inner = {
        str(key): found
        for key, value in table.items()
        if isinstance(value, Mapping | list) and (found := _amounts(value, size, str(key), cut=cut))
    }
    scored = [found for key, found in inner.items() if _is_score_key(key)]
    return direct or most_told(scored) or most_told(list(inner.values())) or {}


def _of_list(values: Sequence[Any], size: int, key: str, *, cut: bool) -> Amounts:
    if all(isinstance(each, Mapping) for each in values):
        tables = [cast("Mapping[Any, Any]", each) for each in values]
        entries = [_entry(each) for each in tables]
        if any(entries):
            return dict(each for each in entries if each is not None)
        merged = _merged([_of_table(each, size, cut=cut) for each in tables])
        return merged or _by_place([_entry_amount(each) for each in tables], size, key, cut=cut)
    if all(isinstance(each, list) and len(cast("list[Any]", each)) >= 2 for each in values):
        pairs = [(key_number(each[0]), amount(each[1])) for each in cast("list[list[Any]]", values)]
        return {number: score for number, score in pairs if number is not None and score is not None}
    if all(isinstance(each, str) for each in values):
        read = _by_lines("\n".join(values))
        if read:
            return read
    return _by_place([amount(each) for each in values], size, key, cut=cut)


def _by_place(scores: Sequence[Amount | None], size: int, key: str, *, cut: bool) -> Amounts:
    """Scores in the passages' order: as many as there are passages, or the beginning of a cut list.

    A list of all numbers from 1 to its length is an order, unless it is called scores.
    """
    called = _is_score_key(key)
    whole = {one.value for one in scores if one is not None}
    order = size > 2 and len(scores) == size and whole == set(map(float, range(1, size + 1)))
    if (len(scores) != size and not cut) or len(scores) > size or (order and not called):
        return {}
    return {place: one for place, one in enumerate(scores, 1) if one is not None}


def _entry(table: Mapping[Any, Any]) -> tuple[int, Amount] | None:
    """The passage and score of an object that has both: `{"id": 3, "score": 8}`."""
    numbers = [
        number
        for key, value in table.items()
        if isinstance(key, str)
        and _ID_KEY.fullmatch(key.strip())
        and (number := key_number(value)) is not None
    ]
    score = _scored(table)
    return None if not numbers or score is None else (numbers[0], score)


def _scored(table: Mapping[Any, Any]) -> Amount | None:
    """What stands under the key of an object that sounds most like a score."""
    for word in _SCORE_KEYS:
        for key, value in table.items():
            if isinstance(key, str) and word in key.lower() and (score := amount(value)) is not None:
                return score
    return None


def _entry_amount(value: Any) -> Amount | None:
    """A score, or the one of an object or list that has it: `8`, `{"score": 8, "reason": …}`, `[8, …]`."""
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        numbers = [one for each in table.values() if (one := amount(each)) is not None]
        return _scored(table) or (numbers[0] if len(numbers) == 1 else None)
    if isinstance(value, list):
        values = cast("list[Any]", value)
        return amount(values[0]) if values else None
    return amount(value)


def _is_score_key(key: str) -> bool:
    return any(word in key.lower() for word in _SCORE_KEYS)


# -- text ------------------------------------------------------------------------------------------


def _by_table(text: str) -> Amounts:
    return {row.passage: row.score for row in rows(text) if row.score is not None}


def _by_lines(text: str) -> Amounts:
    """Scores of passages that lines name; the last one of each counts."""
    told: Amounts = {}
    owner: int | None = None
    for line in text.splitlines():
        shared = {
            int(number): amount_of(each, 2)
            for each in _SHARED.finditer(line)
            for number in re.findall(r"\d+", each.group(1))
        }
        if shared:
            told |= shared
            line = _SHARED.sub(" ", line)
        pairs, owner = _line(line, owner)
        told |= pairs
    return told


def _line(line: str, owner: int | None) -> tuple[Amounts, int | None]:
    """The scores of one line, and the passage that the next line may be about."""
    body = line[_begin(line) :]
    numbered = _NUMBERED.match(line)
    rest = line[numbered.end() :] if numbered else body
    before = {
        named(whose): amount_of(each)
        for each in _BEFORE.finditer(rest)
        if (whose := NAMED.match(rest, each.end())) is not None
    }
    if before and len(before) == len(NAMED.findall(rest)):
        return before, None
    called = NAMED.match(rest, _begin(rest))
    if called is not None:
        rest = rest[: called.end()] + _QUOTED.sub(_unless_words, rest[called.end() :])
    pairs = {
        named(each): amount_of(score)
        for each in NAMED.finditer(rest)
        if (score := BETWEEN.match(rest, each.end())) is not None
    }
    first = NAMED.match(rest, _begin(rest))
    if first is not None:
        number = named(first)
        labelled = LABELLED.search(rest, first.end())
        if labelled and len(pairs) <= 1:
            return {number: amount_of(labelled)}, None
        if number in pairs:
            return pairs, None
        last = _LAST_AMOUNT.search(rest, first.end())
        if last is not None and not pairs:
            return {number: amount_of(last)}, None
        return pairs, number
    if pairs:
        return pairs, None
    bare = _bare_pairs(rest if numbered else body) or ({} if numbered else _bare_pairs(body))
    if bare:
        return bare, None
    if numbered:
        return _numbered(int(numbered.group(1)), rest)
    labelled = (LABELLED.search(line) or _IN_WORDS.match(body)) if owner is not None else None
    if labelled and owner is not None:
        return {owner: amount_of(labelled)}, owner if _PART.search(line) else None
    return {}, owner


def _unless_words(quoted: re.Match[str]) -> str:
    return " " if _LETTERS.search(quoted.group()) else quoted.group()


def _numbered(number: int, rest: str) -> tuple[Amounts, int | None]:
    """The score in a line of a numbered list that names no passage: the list's number is the passage's."""
    begun = AMOUNT.match(rest, _begin(rest))
    found: re.Match[str] | None = (
        LABELLED.search(rest) or begun or _IN_WORDS.match(rest) or _LAST_AMOUNT.search(rest)
    )
    return ({number: amount_of(found)}, None) if found else ({}, number)


def _bare_pairs(text: str) -> Amounts:
    """Pairs such as `1: 8, 2: 3`, if a line has nothing besides, but for what leads in."""
    found = list(_PAIR.finditer(text))
    if not found:
        return {}
    between: Callable[[int], str] = lambda at: text[found[at].end() : found[at + 1].start()]  # noqa: E731
    if any(not _PAIRS_ONLY.fullmatch(between(at)) for at in range(len(found) - 1)):
        return {}
    lead = text[: found[0].start()]
    if not _PAIRS_ONLY.fullmatch(lead) and not (lead.rstrip().endswith((":", "{")) and len(lead) < 60):
        return {}
    return {int(each.group(1)): amount_of(each, 2) for each in found}


def _begin(line: str) -> int:
    found = _BULLET.match(line)
    return found.end() if found else 0


def _by_columns(text: str, size: int) -> Amounts:
    """Numbers and nothing else: lines or pairs of a passage and its score, or a score for each in order."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rest = [line for line in lines if any(each.isdigit() for each in line)]
    pairs = [_COLUMNS.fullmatch(line) for line in rest]
    if len(pairs) == 1:
        listed = list(_TUPLE.finditer(rest[0]))
        pairs = [*listed] if not _TUPLE.sub("", rest[0]).strip(" ,;.") else []
    told = {int(each.group(1)): Amount(float(each.group(2))) for each in pairs if each is not None}
    if len(pairs) > 1 and len(told) == len(pairs) and None not in pairs:
        return told
    if len(lines) not in (1, size) or not all(_ROW.fullmatch(line) for line in lines):
        return {}
    scores = [Amount(float(each)) for each in re.findall(r"\d+(?:\.\d+)?", text)]
    return _by_place(scores, size, "", cut=False)
