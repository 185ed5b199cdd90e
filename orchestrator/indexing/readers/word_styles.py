"""Which paragraphs of a Word document are headings or list items, and the labels of the items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from orchestrator.indexing.readers.word_package import attribute, child, name, value

_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop|rubrik) ?([1-9])\b", re.IGNORECASE)
_TITLE = re.compile(r"(?:title|titel|titre|document title)", re.IGNORECASE)
_LIST = re.compile(r"list\b(?! paragraph)", re.IGNORECASE)
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_ONES = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_DEEPEST = 20
#: What letters count to: after z comes aa, and so on up to thirty of one letter.
_MOST_LETTERS = 780


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says of its paragraphs, with what it inherits."""

    name: str = ""
    level: int = 0
    list_id: str = ""
    list_level: int = 0


class Styles:
    """The paragraph styles of a document, by id."""

    def __init__(self, root: Any) -> None:
        self._elements = {
            attribute(each, "w:styleId"): each
            for each in (() if root is None else root)
            if name(each) == "w:style"
        }
        self._known: dict[str, Style] = {}

    def style(self, identifier: str) -> Style:
        """The style, also of an id that is not defined: programs name those after the built-in ones."""
        if identifier not in self._known:
            self._known[identifier] = self._made(identifier)
        return self._known[identifier]

    def _made(self, identifier: str) -> Style:
        level: int | None = None
        list_id = list_level = None
        own = ""
        at: str | None = identifier
        for _ in range(_DEEPEST):
            element = self._elements.get(at or "")
            called = value(element, "w:name") or (at or "")
            own = own or called
            if level is None:
                level = _level(called, value(element, "w:pPr", "w:outlineLvl"))
            if list_id is None:
                list_id = value(element, "w:pPr", "w:numPr", "w:numId")
            if list_level is None:
                list_level = value(element, "w:pPr", "w:numPr", "w:ilvl")
            at = value(element, "w:basedOn")
            if not at:
                break
        if list_id is None and _LIST.match(own):
            list_id = "-"
        # A heading that is numbered counts on its own level.
        default = max((level or 0) - 1, 0)
        return Style(own, level or 0, list_id or "", number(list_level, default))


def _level(called: str, outline: str | None) -> int | None:
    """The level of a heading by its outline or name; 0 for body text, None if nothing is said."""
    if heading := _HEADING.fullmatch(called):
        return min(int(heading.group(1)), 6)
    if _TITLE.fullmatch(called):
        return 1
    return None if outline is None else outline_level(outline)


def outline_level(outline: str) -> int:
    """The level of a heading from `w:outlineLvl`, where 9 is body text."""
    found = number(outline, 9)
    return min(found + 1, 6) if found < 9 else 0


def number(text: str | None, otherwise: int = 0) -> int:
    """A number as an attribute has it."""
    try:
        return int(text or otherwise)
    except ValueError:
        return otherwise


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    text: str
    start: int


@dataclass(slots=True)
class Numbering:
    """The lists of a document, and how far each has counted."""

    root: Any
    _levels: dict[str, tuple[str, dict[int, _Level]]] = field(
        default_factory=dict[str, tuple[str, dict[int, _Level]]]
    )
    _counts: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])
    _begun: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        abstracts: dict[str, Any] = {}
        for each in () if self.root is None else self.root:
            if name(each) == "w:abstractNum":
                abstracts[attribute(each, "w:abstractNumId")] = each
        for each in () if self.root is None else self.root:
            if name(each) == "w:num":
                abstract = value(each, "w:abstractNumId") or ""
                levels = _levels(abstracts.get(abstract))
                changed = False
                for override in each:
                    at = number(attribute(override, "w:ilvl")) if name(override) == "w:lvlOverride" else None
                    if at is None:
                        continue
                    own = _level_of(child(override, "w:lvl"))
                    start = value(override, "w:startOverride")
                    level = own or levels.get(at, _Level("decimal", f"%{at + 1}.", 1))
                    if start is not None:
                        level = _Level(level.form, level.text, number(start, 1))
                        changed = True
                    levels[at] = level
                identifier = attribute(each, "w:numId")
                self._levels[identifier] = (identifier if changed else abstract, levels)

    def label(self, identifier: str, level: int) -> str | None:
        """The label of the next item of a list: "-", or its number; None where it is none."""
        if identifier in ("", "0"):
            return None
        counter, levels = self._levels.get(identifier, (identifier, {}))
        found = levels.get(level)
        if found is None or found.form == "bullet":
            return "-"
        counts = self._counts.setdefault(counter, {})
        counts[level] = counts[level] + 1 if level in counts else found.start
        for deeper in [each for each in counts if each > level]:
            del counts[deeper]
        if found.form == "none":
            return _PLACE.sub("", found.text).strip() or None

        def counted(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            of = levels.get(at, found)
            return written(counts.get(at, of.start), of.form)

        return _PLACE.sub(counted, found.text).strip() or None


def _levels(abstract: Any) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for each in () if abstract is None else abstract:
        if name(each) == "w:lvl" and (level := _level_of(each)):
            found[number(attribute(each, "w:ilvl"))] = level
    return found


def _level_of(element: Any) -> _Level | None:
    if element is None:
        return None
    form = value(element, "w:numFmt") or "decimal"
    return _Level(form, value(element, "w:lvlText") or "", number(value(element, "w:start"), 1))


def written(count: int, form: str) -> str:
    """A number in the form of a list: "3", "c", "iii"."""
    if form in ("lowerLetter", "upperLetter") and 0 < count <= _MOST_LETTERS:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        roman = ""
        for worth, digits in (*_ROMAN, *_ROMAN_ONES):
            roman += digits * (count // worth)
            count %= worth
        return roman.upper() if form == "upperRoman" else roman
    return f"{count:02}" if form == "decimalZero" else str(count)
