"""Rankings and scores out of what a model wrote, however it wrote them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, cast

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)
_BRACKETED = re.compile(r"\[\s*(\d{1,4})\s*\]")
_NUMBER = re.compile(r"(?<![\d.])(\d{1,4})(?![\d.]*\d)")
_PAIR = re.compile(r"\[?\s*(\d{1,4})\s*\]?\s*(?:[:=]|->|–|-)\s*(-?\d{1,5}(?:\.\d+)?)")


def parse_order(text: str, size: int) -> list[int]:
    """Zero-based numbers in the order that a text names them, counted from 1; strangers are dropped.

    Reads `[3] > [1]`, a JSON list, and plain numbers in lines; an empty list if nothing is there.
    """
    said = _said(text)
    data = _json(said)
    if isinstance(data, Mapping):
        data = _inner(cast("Mapping[Any, Any]", data), list)
    if isinstance(data, list):
        numbers = [number for item in cast("list[Any]", data) if (number := _integer(item)) is not None]
    else:
        found = _BRACKETED.findall(said) or _NUMBER.findall(said)
        numbers = [int(digits) for digits in found]
    return list(dict.fromkeys(number - 1 for number in numbers if 1 <= number <= size))


def parse_scores(text: str, size: int, *, low: float = 0.0, high: float = 10.0) -> dict[int, float]:
    """Score by zero-based number, for as many as a text tells; scores are held to [low, high].

    Reads JSON objects (`{"1": 7}`), lists of scores in order, lists of {id, score}, and `[1]: 7` lines.
    """
    said = _said(text)
    data: Any = _json(said)
    pairs: list[tuple[int | None, float | None]] = []
    if isinstance(data, Mapping):
        table = cast("Mapping[Any, Any]", data)
        data = _inner(table, (list, dict)) or table
    if isinstance(data, Mapping):
        pairs = [(_integer(key), _float(value)) for key, value in cast("Mapping[Any, Any]", data).items()]
    elif isinstance(data, list):
        pairs = [_entry(number, item) for number, item in enumerate(cast("list[Any]", data), 1)]
    else:
        pairs = [(int(number), float(score)) for number, score in _PAIR.findall(said)]
    scores: dict[int, float] = {}
    for number, score in pairs:
        if number is not None and score is not None and 1 <= number <= size and number - 1 not in scores:
            scores[number - 1] = min(high, max(low, score))
    return scores


def _said(text: str) -> str:
    said = _THOUGHT.sub("", text)
    fenced = _FENCE.search(said)
    return (fenced.group(1) if fenced else said).strip()


def _inner(table: Mapping[Any, Any], kinds: Any) -> Any:
    """The first value of a JSON object that is a collection: `{"scores": [...]}` means its list."""
    return next((value for value in table.values() if isinstance(value, kinds)), None)


def _json(said: str) -> Any:
    """The first JSON object or list in a text; None if there is none that can be read."""
    starts = [position for position in (said.find("{"), said.find("[")) if position >= 0]
    if not starts:
        return None
    try:
        value: Any
        value, _ = json.JSONDecoder().raw_decode(said[min(starts) :])
    except (ValueError, RecursionError):
        return None
    # `[3] > [1]` begins with a JSON list of one number, and is none.
    ranking = isinstance(value, list) and len(_BRACKETED.findall(said)) > 1
    return None if ranking else cast("Any", value)


def _entry(position: int, item: Any) -> tuple[int | None, float | None]:
    if isinstance(item, Mapping):
        entry = {str(key).lower(): value for key, value in cast("Mapping[Any, Any]", item).items()}
        number = next(
            (entry[key] for key in ("id", "number", "passage", "document", "index") if key in entry), None
        )
        score = next((entry[key] for key in ("score", "relevance", "rating") if key in entry), None)
        return _integer(number), _float(score)
    return position, _float(item)


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    digits = re.search(r"\d{1,9}", value) if isinstance(value, str) else None
    return int(digits.group()) if digits else None


def _float(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        number = re.search(r"-?\d{1,9}(?:\.\d{1,9})?", value)
        value = float(number.group()) if number else None
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
