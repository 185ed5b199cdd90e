"""Pages and sections of a document, and of the passages that it was split into."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from orchestrator.places import Place, place_at

_HEADING = re.compile(r"(#{1,6})\s+(.+)")
_FENCES = ("```", "~~~")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_MARKUP = re.compile(r"[`*]|\s#+\s*$|\s*\{#[^{}]*\}\s*$")
#: The longest name of a heading, in characters: a longer one is a sentence in large type.
_LONGEST = 120


def document_places(text: str, page_starts: Sequence[int], title: str, *, markdown: bool) -> list[Place]:
    """Where each page and each section of a document begins, by rising `start`.

    `page_starts` are the characters at which its pages begin; `markdown` says that it has headings.
    """
    headings = dict(_sections(text, title)) if markdown else {}
    pages = {start: number for number, start in enumerate(page_starts, 1)}
    places: list[Place] = []
    page: int | None = None
    section = ""
    for start in sorted({*headings, *pages}):
        page, section = pages.get(start, page), headings.get(start, section)
        places.append(Place(start, page, section))
    return places


def passage_places(text: str, places: Sequence[Place], parts: Sequence[str]) -> list[tuple[Place, ...]]:
    """The places of each passage, `parts` being those of `text` in order; `start` counts from the passage.

    A splitter changes nothing but white space, repeats the end of a passage in the next one, and may set
    lines before a part that stand further up, as a table's header. So passages are found by their other
    characters, from the end of the one before.
    """
    if not places:
        return [()] * len(parts)
    dense, marks = _condensed(text, places)
    found: list[tuple[Place, ...]] = []
    begin = end = 0
    for part in parts:
        whole = "".join(part.split())
        at = dense.rfind(whole, begin, end + len(whole))
        begin = end if at < 0 else at
        inside, end = _along(part, dense, begin, marks)
        found.append(inside)
    return found


def _condensed(text: str, places: Sequence[Place]) -> tuple[str, list[Place]]:
    """The text without white space, and the places in it."""
    pieces: list[str] = []
    marks: list[Place] = []
    reached = length = 0
    for place in places:
        pieces.append("".join(text[reached : place.start].split()))
        length += len(pieces[-1])
        reached = place.start
        marks.append(Place(length, place.page, place.section))
    pieces.append("".join(text[reached:].split()))
    return "".join(pieces), marks


def _along(part: str, dense: str, cursor: int, marks: Sequence[Place]) -> tuple[tuple[Place, ...], int]:
    """The places of a passage that begins at `cursor` of the condensed text, and where it ends there."""
    found: list[Place] = []
    offset = 0
    for line in part.split("\n"):
        said = "".join(line.split())
        repeated = not dense.startswith(said, cursor)
        for start, place in _changes(line, cursor, 1 if repeated else len(said), marks) if said else ():
            if not found or (found[-1].page, found[-1].section) != (place.page, place.section):
                found.append(Place(offset + start if found else 0, place.page, place.section))
        cursor += 0 if repeated else len(said)
        offset += len(line) + 1
    return tuple(found), cursor


def _changes(line: str, cursor: int, length: int, marks: Sequence[Place]) -> Iterator[tuple[int, Place]]:
    """The place at which a line begins, and those that begin inside of it, with their characters."""
    yield 0, place_at(marks, cursor)
    first = bisect_right(marks, cursor, key=lambda mark: mark.start)
    for mark in takewhile(lambda mark: mark.start < cursor + length, islice(marks, first, None)):
        yield _nth(line, mark.start - cursor), mark


def _nth(line: str, number: int) -> int:
    """Where the character stands that `number` others come before, white space not counted."""
    at = [offset for offset, character in enumerate(line) if not character.isspace()]
    return at[min(number, len(at) - 1)]


def _sections(text: str, title: str) -> Iterator[tuple[int, str]]:
    """Where each heading stands, and the path of headings that it ends; a line of code is none."""
    path: list[tuple[int, str]] = []
    start, code = 0, False
    for line in text.split("\n"):
        if line.lstrip().startswith(_FENCES):
            code = not code
        elif not code and (heading := _HEADING.match(line)):
            level, name = len(heading.group(1)), _name(heading.group(2))
            path = [*(one for one in path if one[0] < level), (level, name)]
            names = [one for _, one in path if one]
            if names and _same(names[0], title):
                del names[0]
            yield start, " › ".join(names)
        start += len(line) + 1


def _name(heading: str) -> str:
    name = " ".join(_MARKUP.sub("", _LINK.sub(r"\1", heading)).split())
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST].rsplit(' ', 1)[0]} …"


def _same(heading: str, title: str) -> bool:
    return heading.casefold() == " ".join(title.replace("`", "").replace("*", "").split()).casefold()
