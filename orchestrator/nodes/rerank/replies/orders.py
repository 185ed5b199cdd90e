"""The order of passages out of a reply: chains, JSON, numbered lists, tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from orchestrator.nodes.rerank.replies.json_values import Found, json_values
from orchestrator.nodes.rerank.replies.references import NAMED, amount, key_number, named
from orchestrator.nodes.rerank.replies.sections import most_told, read_in, spoken
from orchestrator.nodes.rerank.replies.tables import Row, rows

_WORD = r"(?:passages?|documents?|docs?|texts?|items?|candidates?|snippets?|id)"
#: A link of a chain: `[3]`, `Passage 3`, `3`.
_LINK = (
    rf"(?:[*_`\"']{{0,8}}\[\s*(?:{_WORD}[\s_#:]{{0,8}})?\d{{1,4}}\s*\][*_`\"']{{0,8}}"
    rf"|(?:[*_`\"'(]{{0,8}}{_WORD}[\s_#:]{{0,8}})?[*_`\"'(#]{{0,8}}(?<![\w.])\d{{1,4}}(?![\w%]|[.,]\d)[*_`\"')]{{0,8}})"
)
_MARKS = r"[*_`\"')\]]{0,8}"
_BETTER = r"\s*(?:>+=?|≥|≻|->|=>|→|&gt;)\s*"
_NEXT = r"\s*(?:,\s*(?:and\s+|then\s+|followed\s+by\s+)?|;|\band\b|\bthen\b|=)\s*"
_CHAIN = re.compile(rf"{_LINK}(?:\s*=\s*{_LINK})*(?:{_BETTER}{_LINK}(?:\s*=\s*{_LINK})*)+", re.IGNORECASE)
_UPWARD_CHAIN = re.compile(rf"{_LINK}(?:\s*(?:<|≺|&lt;)\s*{_LINK})+", re.IGNORECASE)
#: A list that is called the ranking.
_CALLED = re.compile(
    r"\b(?:ranking|ranked(?:\s+order)?|order)\s*(?:\([^)\n]*\))?\s*[:=]\s*[*_]{0,3}"
    rf"({_LINK}(?:{_NEXT}{_LINK})+)",
    re.IGNORECASE,
)
#: A passage and its rank.
_RANKED = re.compile(
    rf"(?:{NAMED.pattern}){_MARKS}\s*(?:[:=\-–(,]|is|->|→)\s*"
    r"(?:ranked\s+|rank\W{0,3}|position\W{0,3}|#)(?P<rank>\d{1,3})(?!\d|[.,]\d)",
    re.IGNORECASE,
)
#: Says what holds anyhow, in words that others have for the other way round.
_DOWNWARD = re.compile(
    r"\(?\b(?:from\s+)?(?:best|most(?:\s+relevant)?|highest)\s+to\s+(?:the\s+)?"
    r"(?:worst|least(?:\s+relevant)?|lowest)\b\)?",
    re.IGNORECASE,
)
_LISTED = re.compile(rf"{_LINK}(?:{_NEXT}{_LINK})+", re.IGNORECASE)
#: Numbers and nothing else: `2 3 1`.
_SPACED = re.compile(rf"{_LINK}(?:[\s,;]+{_LINK})+", re.IGNORECASE)
_ALONE = re.compile(rf"[\s\-*•#>]{{0,8}}{_LINK}[\s.:,;]{{0,8}}", re.IGNORECASE)
_ITEM = re.compile(
    r"[\s*_#]{0,8}(?:rank\s*|no\.?\s*)?(\d{1,3})(?:st|nd|rd|th)?[*_]{0,8}\s*([.):\-–]|place:)[*_]{0,8}\s+",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*[-*•]\s+")
_NUMBER = re.compile(r"\d{1,4}")
_STARTS = re.compile(r"[\s*_`\"'(#]{0,8}(\d{1,4})(?![\w%]|[.,]\d)")
_SUPERLATIVE = re.compile(r"\b(?:best|then|followed|rank|order|most|top|better)", re.IGNORECASE)
_UPWARD = re.compile(r"\b(?:worst|least|lowest|ascending|weakest)\b", re.IGNORECASE)
_FROM_WORST = re.compile(
    r"\b(?:worst\s+to\s+best|least\s+to\s+most|ascending|from\s+(?:the\s+)?(?:least|worst|lowest))\b",
    re.IGNORECASE,
)
_ORDINALS = tuple("first second third fourth fifth sixth seventh eighth ninth tenth".split())
_LIST_KEY = re.compile(r"rank|order|result|sorted|passage|document|answer|output|list|ids?\b", re.IGNORECASE)


def parse_order(text: str, size: int) -> list[int]:
    """Zero-based numbers in the order that a reply names them, counted from 1; strangers are dropped.

    Thoughts and reasons are not read. Of several orders, the last that says enough. A list that is as
    likely to be something else is nothing: numbers of a sentence, `{"1": 2, "2": 1}`.
    """
    answer = _DOWNWARD.sub(" ", spoken(text))

    def read(part: str) -> list[int]:
        return _of(_order(part), size)

    order = read_in(answer, read)
    return order[::-1] if _FROM_WORST.search(answer) and len(order) > 1 else order


def _of(numbers: Sequence[int], size: int) -> list[int]:
    offset = 0 if len(numbers) == size > 1 and set(numbers) == set(range(size)) else 1
    return list(dict.fromkeys(number - offset for number in numbers if 0 <= number - offset < size))


def _order(text: str) -> list[int]:
    """The numbers of the best reading of a text, as they are written."""
    found = [each for each in json_values(text) if not _reference(each)]
    by_json = most_told([_by_value(each.value) for each in found])
    rest = _without(text, found)
    chains = _chains(rest)
    for reading in (
        by_json,
        chains,
        _by_ranks(rest),
        _by_label(rest),
        _by_table(rest),
        _by_items(rest),
        _by_lines(rest),
        _by_lists(rest),
    ):
        if reading and (len(reading) > 1 or reading is by_json):
            return reading
    return _by_sentence(rest)


def _without(text: str, found: Sequence[Found]) -> str:
    for each in reversed(found):
        text = text[: each.start] + "\n" + text[each.end :]
    return text


def _reference(found: Found) -> bool:
    value = found.value
    if not isinstance(value, list):
        return False
    values = cast("list[Any]", value)
    return len(values) <= 1 and not any(isinstance(each, list | dict) for each in values)


# -- JSON ------------------------------------------------------------------------------------------


def _by_value(value: Any) -> list[int]:
    if isinstance(value, list):
        return _by_list(cast("list[Any]", value))
    if isinstance(value, Mapping):
        return _by_mapping(cast("Mapping[Any, Any]", value))
    if isinstance(value, str):
        return _chains(value) or _by_lists(value)
    return []


def _by_list(values: Sequence[Any]) -> list[int]:
    if len(values) == 1 and isinstance(values[0], list):
        return _by_list(cast("list[Any]", values[0]))
    if all(isinstance(each, Mapping) for each in values):
        return _by_entries([cast("Mapping[Any, Any]", each) for each in values])
    if all(isinstance(each, list) and len(cast("list[Any]", each)) == 2 for each in values):
        pairs = [(key_number(each[0]), amount(each[1])) for each in cast("list[list[Any]]", values)]
        return _by_score([(number, score.value) for number, score in pairs if number is not None and score])
    flat = [cast("list[Any]", each)[0] if _single(each) else each for each in values]
    return [number for each in flat if (number := _number(each)) is not None]


def _single(value: Any) -> bool:
    return isinstance(value, list) and len(cast("list[Any]", value)) == 1


def _number(value: Any) -> int | None:
    """The passage that an entry of a list names, if it names one."""
    number = key_number(value)
    if number is None and isinstance(value, str):
        found = list(NAMED.finditer(value))
        number = named(found[0]) if len(found) == 1 else None
    return number


def _by_entries(tables: Sequence[Mapping[Any, Any]]) -> list[int]:
    """Objects with a rank each in its order, with a score each by score, else as they stand."""
    entries: list[tuple[int, float | None, float | None]] = []
    for table in tables:
        number = rank = score = None
        for key, value in table.items():
            called = str(key).lower()
            if "rank" in called or "position" in called:
                rank = amount(value)
            elif "score" in called or "relevance" in called or "rating" in called:
                score = amount(value)
            elif number is None:
                number = key_number(value)
        if number is not None:
            entries.append((number, rank.value if rank else None, score.value if score else None))
    ranks = [(number, -rank) for number, rank, _ in entries if rank is not None]
    scores = [(number, score) for number, _, score in entries if score is not None]
    if len(ranks) == len(entries):
        return _by_score(ranks)
    return _by_score(scores) if len(scores) == len(entries) else [number for number, _, _ in entries]


def _by_score(scored: Sequence[tuple[int, float]]) -> list[int]:
    return [number for number, _ in sorted(scored, key=lambda each: -each[1])]


def _by_mapping(table: Mapping[Any, Any]) -> list[int]:
    lists = {str(key): found for key, value in table.items() if (found := _inner(value))}
    called = [found for key, found in lists.items() if _LIST_KEY.search(key)]
    if called or lists:
        return most_told(called) or (next(iter(lists.values())) if len(lists) == 1 else [])
    ranked = [
        (number, -int(digits.group()))
        for key, value in table.items()
        if "rank" in str(key).lower()
        and (digits := _NUMBER.search(str(key)))
        and (number := _number(value)) is not None
    ]
    if ranked:
        return _by_score(ranked)
    places = [_ORDINALS.index(key) for each in table if (key := str(each).lower()) in _ORDINALS]
    if len(places) == len(table) > 1:
        entries = zip(places, map(_number, table.values()), strict=True)
        return [number for _, number in sorted(entries, key=lambda each: each[0]) if number is not None]
    return _by_numbers(table)


def _inner(value: Any) -> list[int]:
    return _by_value(value) if isinstance(value, list | dict | str) and not _short(value) else []


def _short(value: Any) -> bool:
    """Whether a string names one passage at most: `"[3]"` under a key is an entry, and no list."""
    return isinstance(value, str) and len(NAMED.findall(value)) < 2 and not _CHAIN.search(value)


def _by_numbers(table: Mapping[Any, Any]) -> list[int]:
    """A mapping of numbers: passages with scores or ranks, or ranks with passages."""
    pairs = [(key_number(key), value) for key, value in table.items()]
    keys = [key for key, _ in pairs if key is not None]
    if len(keys) < 2:
        best = [number for key, value in table.items() if _best_key(key) and (number := _number(value))]
        return best[:1]
    references = [_number(value) for key, value in pairs if key is not None and isinstance(value, str)]
    if len(references) == len(keys) and any("[" in str(value) or " " in str(value) for _, value in pairs):
        # Ranks with passages: {"1": "[3]", "2": "[1]"}.
        ranks = [(number, -key) for key, number in zip(keys, references, strict=True) if number is not None]
        return _by_score([(number, float(rank)) for number, rank in ranks])
    scored = [
        (key, one.value) for key, value in pairs if key is not None and (one := amount(value)) is not None
    ]
    values = [score for _, score in scored]
    if sorted(values) == sorted(map(float, keys)):
        # Passages with ranks, or ranks with passages: told apart only where the keys are not in order.
        by_rank = [key for key, _ in sorted(scored, key=lambda each: each[1])]
        return by_rank if by_rank == keys else []
    return _by_score(scored)


def _best_key(key: Any) -> bool:
    return any(word in str(key).lower() for word in ("best", "answer", "passage", "label", "choice"))


# -- text ------------------------------------------------------------------------------------------


def _numbers(text: str) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(text)]


def _chains(text: str) -> list[int]:
    upward = [_numbers(each.group())[::-1] for each in _UPWARD_CHAIN.finditer(text)]
    return most_told([*upward, *(_numbers(each.group()) for each in _CHAIN.finditer(text))]) or []


def _by_ranks(text: str) -> list[int]:
    """`Passage 1: rank 3`, a line each or side by side: all ranks from 1 on."""
    ranks = {named(each): int(each.group("rank")) for each in _RANKED.finditer(text)}
    whole = len(ranks) > 1 and sorted(ranks.values()) == list(range(1, len(ranks) + 1))
    return sorted(ranks, key=lambda number: ranks[number]) if whole else []


def _by_label(text: str) -> list[int]:
    """The list behind `Ranking:`, whatever is said after it."""
    lists = [_numbers(each.group(1)) for each in _CALLED.finditer(text)]
    return lists[-1] if lists else []


def _by_lists(text: str) -> list[int]:
    """`[3], [1], [2]` or `4, 2, 1`, or a line of numbers alone."""
    readings: list[list[int]] = []
    for line in text.splitlines():
        body = line.rpartition(":")[2].strip(" .*_`(){}")
        if _SPACED.fullmatch(body):
            readings.append(_numbers(body))
            continue
        readings += [
            _numbers(each.group())
            for each in _LISTED.finditer(line)
            if _is_order(each.group(), line)
            and not NAMED.search(line, line.rfind(":", 0, each.start()) + 1, each.start())
        ]
    return most_told(readings) or []


def _is_order(listed: str, line: str) -> bool:
    """Whether numbers side by side in a sentence are an order, and no remark on a few passages."""
    if _UPWARD.search(line):
        return False
    return (
        bool(_SUPERLATIVE.search(line)) or len(_NUMBER.findall(listed)) > 3 or line.strip().startswith(listed)
    )


def _by_lines(text: str) -> list[int]:
    """Lines that are a passage each: `[2]`, `- Passage 3`, or begin with one."""
    lines = [line for line in text.splitlines() if line.strip()]
    alone = [line for line in lines if _ALONE.fullmatch(line)]
    if len(alone) > 1:
        return [_numbers(line)[-1] for line in alone]
    bulleted = [
        named(found)
        for line in lines
        if (bullet := _BULLET.match(line)) and (found := NAMED.match(line[bullet.end() :].lstrip("*_` ")))
    ]
    begun = [named(found) for line in lines if (found := NAMED.match(line.lstrip("*_` ")))]
    # One line a passage, as they were shown, is a description of them; from another than the first, of some.
    whole = len(begun) == len(lines) > 1 and (begun != sorted(begun) or begun[0] == 1)
    return bulleted or (begun if whole else [])


def _by_table(text: str) -> list[int]:
    table = rows(text)
    if not table:
        return []
    if all(row.rank is not None for row in table):
        return [row.passage for row in sorted(table, key=_rank)]
    if all(row.score is not None for row in table):
        return _by_score([(row.passage, row.score.value) for row in table if row.score])
    return [row.passage for row in table]


def _rank(row: Row) -> int:
    return row.rank or 0


def _by_items(text: str) -> list[int]:
    """A numbered list whose items begin with a passage: its numbers are ranks, and no passages."""
    items = [
        (int(found.group(1)), found.group(2), line[found.end() :])
        for line in text.splitlines()
        if (found := _ITEM.match(line))
    ]
    ranks = [rank for rank, _, _ in items]
    if len(items) < 2 or ranks != list(range(ranks[0], ranks[0] + len(ranks))) or ranks[0] > 1:
        return []
    numbers: list[int] = []
    for _, mark, rest in items:
        found = NAMED.search(rest)
        bare = _STARTS.match(rest)
        if found:
            numbers.append(named(found))
        elif bare and mark != ":":
            numbers.append(int(bare.group(1)))
    return numbers if 2 * len(numbers) > len(items) else []


def _by_sentence(text: str) -> list[int]:
    """The passages of a sentence that says which is best: the last such one. The only word of a reply."""
    whole = text.strip().strip(".*_`\"' ")
    alone = NAMED.fullmatch(whole) or re.fullmatch(r"#?(\d{1,4})", whole)
    if alone:
        return _numbers(alone.group())
    for sentence in reversed(re.split(r"(?<=[.!?])\s+|\n+", text)):
        found = [named(each) for each in NAMED.finditer(sentence)]
        if (
            found
            and _SUPERLATIVE.search(sentence)
            and not _UPWARD.search(sentence)
            and " not " not in sentence
        ):
            return found
    return []
