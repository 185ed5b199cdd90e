"""Which lines of a PDF are headings: those of its bookmarks, or those in larger or bold letters."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.indexing.readers.pdf_characters import Run
from orchestrator.indexing.readers.pdf_layout import Row

#: The longest heading in characters, and how much larger than the text its letters are.
_LONGEST, _LARGER = 160, 1.12
_LEVELS = 4
#: What may stand before a bookmark's title, as "Appendix", in characters.
_PREFIX = 15
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"^(?:\d+\.?)+\s+|^[A-Z]\.(?:\d+\.?)*\s+")
# Dots that lead to a page, in a table of contents.
_LEADER = re.compile(r"(?:\.\s?){4}")
_ENDS = re.compile(r"[.,;:]$")


@dataclass(frozen=True, slots=True)
class Headings:
    """Levels of headings by the size of their letters, and bookmarks by page: their words and levels."""

    body: float
    levels: Mapping[float, int]
    bookmarks: Mapping[int, Mapping[str, int]] = field(default_factory=dict[int, Mapping[str, int]])

    def level(self, row: Row, page: int, alone: bool) -> int:
        """The level of a heading, from 1; 0 for another line. `alone` says that it has space around it."""
        text = row.text
        if len(text) > _LONGEST or _LEADER.search(text) or not any(letter.isalpha() for letter in text):
            return 0
        if marked := self._marked(row, page):
            return marked
        if self.bookmarks:
            return 0
        size = _size(row.size)
        if size in self.levels and not text.endswith((".", ",", ";")):
            return self.levels[size]
        if row.bold and alone and size >= self.body and not _ENDS.search(text) and len(text) <= _LONGEST // 2:
            return min(6, len(set(self.levels.values())) + 1)
        return 0

    def _marked(self, row: Row, page: int) -> int:
        """The level of the bookmark that a line says, or begins or ends where it has a heading's letters."""
        words = _words(row.text)
        titles = self.bookmarks.get(page, {})
        if words in titles or not words:
            return titles.get(words, 0)
        if row.bold or row.size > _LARGER * self.body:
            for title, level in titles.items():
                named = words.endswith(f" {title}") and len(words) - len(title) <= _PREFIX
                if named or title.startswith(f"{words} ") or title.endswith(f" {words}"):
                    return level
        return 0


def headings(pages: Sequence[Sequence[Run]], bookmarks: Sequence[tuple[int, str, int]]) -> Headings:
    """The headings of a document; bookmarks are page (from 0), title and level (from 1)."""
    letters: Counter[float] = Counter()
    for page in pages:
        for run in page:
            letters[_size(run.size)] += len(run.text)
    body = letters.most_common(1)[0][0] if letters else 0.0
    total = sum(letters.values())
    # What most of a document is written in is no heading, however small its notes are.
    larger = sorted(
        (size for size in letters if size > _LARGER * body and letters[size] < 0.2 * total), reverse=True
    )
    levels = {size: min(number, _LEVELS) for number, size in enumerate(larger, 1)}
    marked: dict[int, dict[str, int]] = defaultdict(dict)
    for page, title, level in bookmarks:
        # The text of a bookmark may lack the number of its heading, and the other way round.
        if page < len(pages) and _words(title) in " ".join(_words(run.text) for run in pages[page]):
            marked[page][_words(title)] = min(6, level)
    # Bookmarks of another kind, as one a page or a file that was joined, are not the structure.
    return Headings(body, levels, marked if sum(map(len, marked.values())) >= 0.5 * len(bookmarks) else {})


def _size(size: float) -> float:
    return round(2 * size) / 2


def _words(text: str) -> str:
    return " ".join(_WORD.findall(_NUMBER.sub("", text.strip()).casefold()))
