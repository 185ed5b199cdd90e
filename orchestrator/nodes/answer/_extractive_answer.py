"""The extractive answer: the sentences that answer best, quoted so that they read well, with citations."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.nodes.answer._candidates import is_example
from orchestrator.nodes.answer._evidence import Evidence
from orchestrator.nodes.answer._field_lines import is_field
from orchestrator.nodes.answer._fields import is_record, with_fields
from orchestrator.nodes.select.mmr import maximal_marginal_relevance
from orchestrator.text.quotation import cells, item_number, readable
from orchestrator.types import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A sentence is quoted beside the best one only if it is more than this relevant in proportion.
_ENOUGH = 0.6
#: The most passages that are quoted, and the most lines of code that come with a sentence.
_PASSAGES, _LINES = 3, 12
_ENDS = (".", "!", "?", ":", "…", "。", "！", "？")


@dataclass(frozen=True, slots=True)
class Quote:
    """Sentences of one passage that belong into the answer, by number, in the order of the text."""

    passage: int
    rows: tuple[int, ...]


def quotes(
    evidence: Evidence,
    scores: NDArray[np.float32],
    relevance: NDArray[np.float32],
    allowed: Collection[int],
    *,
    sentences: int,
    trade: float = 0.9,
) -> list[Quote]:
    """The best `sentences` of the `allowed` ones with those they need, by passage, the best first."""
    rows = [row for row in allowed if evidence.candidates[row].alone and not _is_long_code(evidence, row)]
    floor = _ENOUGH * max((float(relevance[row]) for row in rows), default=0.0)
    open_ = {row for row in rows if relevance[row] > floor}
    groups: dict[int, set[int]] = {}

    def accepted(row: int) -> bool:
        candidate = evidence.candidates[row]
        if row not in open_ or (candidate.passage not in groups and len(groups) == _PASSAGES):
            return False
        group = groups.setdefault(candidate.passage, set())
        group |= {row, *candidate.needs, *_code_beside(evidence, row)} & set(allowed)
        return True

    maximal_marginal_relevance(scores, evidence.similarity, trade=trade, limit=sentences, accept=accepted)
    return [
        Quote(passage, _filled(evidence, with_fields(evidence, group, allowed), allowed))
        for passage, group in groups.items()
    ]


def _code_beside(evidence: Evidence, row: int) -> set[int]:
    """Short code that a sentence introduces, or that it goes on to speak of, with its introduction."""
    found: set[int] = set()
    here = evidence.candidates[row]
    for beside in (row - 1, row + 1):
        if 0 <= beside < len(evidence.candidates):
            code = evidence.candidates[beside]
            near = beside < row and code.sentence.heading == here.sentence.heading and not is_example(code)
            about = row in code.needs or near
            same = code.passage == here.passage and code.sentence.kind == "code" and code.alone
            if same and about and code.text.count("\n") <= _LINES:
                found |= {beside, *code.needs}
    return found


def _is_long_code(evidence: Evidence, row: int) -> bool:
    candidate = evidence.candidates[row]
    return candidate.sentence.kind == "code" and candidate.text.count("\n") > _LINES + 1


def _filled(evidence: Evidence, group: set[int], allowed: Collection[int]) -> tuple[int, ...]:
    """The group, with any single sentence of prose that lies between two of its own: it reads better."""
    rows = sorted(group)
    for before, after in pairwise(rows):
        kinds = {evidence.candidates[row].sentence.kind for row in range(before, after + 1)}
        if after - before != 2 or kinds != {"prose"} or before + 1 not in allowed:
            continue
        if not is_field(evidence.candidates[before + 1].text):
            group = group | {before + 1}
    return tuple(sorted(group))


def quotation(evidence: Evidence, quote: Quote, n: int) -> str:
    """A quote as text that cites `[n]` at the end of its last sentence."""
    parts: list[tuple[str, str]] = []
    last: int | None = None
    header: Sequence[str] = ()
    for row in quote.rows:
        candidate = evidence.candidates[row]
        kind = candidate.sentence.kind
        if kind == "heading" and not candidate.alone:
            continue
        adjacent = last is not None and row == last + 1
        if kind == "row":
            if "\n" in candidate.text:
                header = cells(candidate.text)
                continue
            _add(parts, "item", _row(header, cells(candidate.text)))
        elif kind == "item" and (number := _item_mark(candidate.text)) is not None:
            text = readable(candidate.text, kind)
            _add(parts, "item", f"{number}. {text}" if number else text)
        elif kind == "code":
            _add(parts, "code", readable(candidate.text, kind))
        else:
            text = readable(candidate.text, "heading" if kind == "heading" else "prose")
            if parts and parts[-1][0] == ("item" if kind == "item" else "prose"):
                kind_before, before = parts.pop()
                fields = (
                    last is not None and is_field(candidate.text) and is_field(evidence.candidates[last].text)
                )
                between = "; " if fields else " " if adjacent else " … "
                parts.append((kind_before, f"{before}{between}{text}"))
            else:
                _add(parts, "prose", text)
        last = row
    lead = _lead(evidence, quote, parts)
    if lead:
        if parts and parts[0][0] == "prose":
            parts[0] = ("prose", f"{lead} {parts[0][1]}")
        else:
            parts.insert(0, ("prose", lead))
    return _written(parts, n)


def _add(parts: list[tuple[str, str]], kind: str, text: str) -> None:
    if text:
        parts.append((kind, text))


def _item_mark(text: str) -> str | None:
    """The number of a list item, "" for a bullet, None for a later sentence of an item."""
    number = item_number(text)
    return number or ("" if re.match(r"\s*(?:[-*+•‣◦▪–]|\(?[a-z]\))[ \t]", text) else None)


def _row(header: Sequence[str], values: Sequence[str]) -> str:
    """A table's row with the names of its columns."""
    if len(header) != len(values):
        return " · ".join(value for value in values if value)
    named = [
        f"{name}: {value}" if name else value for name, value in zip(header, values, strict=True) if value
    ]
    return "; ".join(named)


def _lead(evidence: Evidence, quote: Quote, parts: Sequence[tuple[str, str]]) -> str:
    """The heading or title above a quote, where it says a word of the question that the quote does not.

    Code alone is introduced by it too.
    """
    if not parts:
        return ""
    passage = evidence.passages[quote.passage]
    above = [row for row in quote.rows if evidence.candidates[row].sentence.kind == "heading"]
    headings = [row for row in above if not evidence.candidates[row].alone]
    said = frozenset[int]().union(*(evidence.said[row] for row in quote.rows if row not in headings))
    only_code = all(kind == "code" for kind, _ in parts)
    for row in reversed(headings):
        if only_code or evidence.said[row] - said:
            return _as_lead(readable(evidence.candidates[row].text, "heading"))
    if only_code or evidence.titled[quote.passage] - said or _is_named(evidence, quote, passage):
        return _as_lead(readable(passage.title or passage.document, "heading"))
    return ""


def _is_named(evidence: Evidence, quote: Quote, passage: Passage) -> bool:
    """Whether the title is the name of a record, and the quote does not hold it."""
    if not passage.title or not is_record(passage):
        return False
    texts = (evidence.candidates[row].text for row in quote.rows)
    return not any(passage.title.casefold() in text.casefold() for text in texts)


def _as_lead(text: str) -> str:
    return text if not text or text.endswith(_ENDS) else f"{text}:"


def _written(parts: Sequence[tuple[str, str]], n: int) -> str:
    """Paragraphs, bullets and indented code; the citation stands behind the last words that are no code."""
    several = sum(kind == "item" for kind, _ in parts) > 1
    texts = [number for number, (kind, _) in enumerate(parts) if kind != "code"]
    cited = texts[-1] if texts else None
    lines: list[str] = []
    before = ""
    for number, (kind, text) in enumerate(parts):
        shown = text
        if kind == "code":
            shown = "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
        elif number == cited:
            shown = f"{text} [{n}]"
        listed = several or (number > 0 and parts[number - 1][1].endswith(":"))
        if kind == "item" and listed and not re.match(r"\d+\. ", text):
            shown = f"- {shown}"
        if before:
            lines.append("\n" if kind == before == "item" else "\n\n")
        lines.append(shown)
        before = kind
    return "".join(lines)


def unsaid(words: Mapping[str, Collection[int]], evidence: Evidence) -> list[str]:
    """The words of the question, in its order, that no passage holds in any form."""
    held = frozenset[int]().union(*(evidence.terms(number) for number in range(len(evidence.passages))))
    return [word for word, terms in words.items() if terms and not held & set(terms)]
