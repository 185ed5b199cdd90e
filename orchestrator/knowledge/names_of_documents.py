"""What a document is called: its title, headings, aliases, defined terms and its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from orchestrator.knowledge.wording import is_unspaced_word, name_words
from orchestrator.ports import DocumentRow

NameKind = Literal["title", "alias", "heading", "term", "file"]

#: Letters of the shortest name of one word.
SHORTEST = 4
#: Names of one document, the most important first.
MOST_NAMES = 64

_TRAILING = re.compile(r"\s*[(\[（][^()\[\]（）]*[)\]）]\s*$")
_ALIASES = frozenset({"alias", "aliases", "also_known_as", "alternative_names", "synonyms"})
_ABOVE = " › "
# "**Idle time**: …" and "**Idle time** is …" at the beginning of a line; “Licensee” means ….
_TERMS = (
    re.compile(
        r"^[ \t]*(?:[-*+][ \t]+)?\*\*([^*\n]{3,60})\*\*\s*(?:[:–—]|\b(?:is|are|means)\b)", re.MULTILINE
    ),
    re.compile(r"[“\"]([^”\"\n]{3,60})[”\"]\)?,?\s+(?:means|shall mean|refers to|has the meaning)\b"),
)


@dataclass(frozen=True, slots=True)
class DocumentName:
    """A name of a document: its words, joined by spaces, and the passage that it leads to."""

    words: str
    kind: NameKind
    passage: str


def names_of(document: DocumentRow) -> list[DocumentName]:
    """The names of a document, none twice. One without passages has none.

    A title counts with and without a trailing parenthesis. Headings and terms of one word are none: too
    many documents have them. A file's name counts where the file is one document.
    """
    if not document.passages:
        return []
    first = min(document.passages, key=lambda passage: passage.position).id
    found: dict[str, DocumentName] = {}
    for kind, text, passage in _candidates(document, first):
        words = name_words(text)
        if not _usable(words) or (kind in ("heading", "term") and len(words) == 1):
            continue
        joined = " ".join(words)
        if joined not in found and len(found) < MOST_NAMES:
            found[joined] = DocumentName(joined, kind, passage)
    return list(found.values())


def without_trailing(title: str) -> str:
    """A title without what stands in parentheses at its end: `Winter (film)` is called `Winter`."""
    short = _TRAILING.sub("", title).strip()
    return short or title


def _candidates(document: DocumentRow, first: str) -> Iterator[tuple[NameKind, str, str]]:
    for title in (document.title, without_trailing(document.title)):
        yield "title", title, first
    for key, value in document.metadata.items():
        if key.lower() in _ALIASES:
            for alias in _listed(value):
                yield "alias", alias, first
    for passage in sorted(document.passages, key=lambda passage: passage.position):
        for place in passage.places:
            if place.section:
                yield "heading", place.section.rpartition(_ABOVE)[2], passage.id
        for pattern in _TERMS:
            for match in pattern.finditer(passage.text):
                yield "term", match.group(1), passage.id
    # What came from a file with others, as a record, has another source than the file.
    if document.file and document.source.endswith(document.file):
        yield "file", PurePosixPath(document.file).name, first


def _listed(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[;|]", value)]
    if isinstance(value, (list, tuple)):
        return [part for part in cast("list[Any]", value) if isinstance(part, str)]
    return ()


def _usable(words: tuple[str, ...]) -> bool:
    if not words:
        return False
    if all(map(is_unspaced_word, words)):
        return len(words) > 1
    if len(words) == 1:
        return len(words[0]) >= SHORTEST and not words[0].isdigit()
    return sum(map(len, words)) >= SHORTEST and not all(word.isdigit() for word in words)
