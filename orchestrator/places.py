"""Where the text of a passage stands in its document: on which page, and below which headings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """From the character `start` of a text on: its page, from 1, and the headings above it.

    `page` is None where a format has no pages. `section` is the path of headings below the document's title,
    joined by " › ", or empty.
    """

    start: int
    page: int | None = None
    section: str = ""


#: Where nothing is known.
NOWHERE = Place(0)


def place_at(places: Sequence[Place], offset: int) -> Place:
    """The place of a character, of places by rising `start`."""
    number = bisect_right(places, offset, key=lambda place: place.start)
    return places[number - 1] if number else NOWHERE


def described(page: int | None, section: str) -> str:
    """A page and a section as a reader reads them behind a document's name: `, page 12`, ` § Removing`."""
    return (f", page {page}" if page is not None else "") + (f" § {section}" if section else "")
