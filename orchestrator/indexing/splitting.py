"""Documents to passages: sections and sentences stay whole as far as the size allows."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.indexing import table_splitting
from orchestrator.text.sentences import sentences
from orchestrator.text.tokens import fits, token_count

#: Nothing longer than this is a word: encoded data, or a script without spaces.
LONGEST_WORD = 1000
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
# Of such a word: what ends with a mark, or as much as a word may have.
_PART = re.compile(rf"(?:\S{{1,99}}[,.;。？！]|\S{{{LONGEST_WORD}}})(?=\S)")
#: Up to a mark that a space follows, since 3.14 and www.example.org are words; those of Chinese need none.
CLAUSE = r"(?:[^,.;。？！]|[,.;](?=\S))+[,.;。？！]?|[,.;。？！]"
_CLAUSE = re.compile(CLAUSE)
_HEADING = re.compile(r"(#+)\s(.*)")
_PARAGRAPHS, _FENCE = "\n\n\n", "```"


@dataclass(frozen=True)
class Splitting:
    """How large passages are, in estimated tokens, and how much of one is repeated in the next.

    The default keeps a paper's abstract whole. The sentences are those that answers cite. The passages
    are those that LlamaIndex's `SentenceSplitter` and `MarkdownNodeParser` make of them, and of clauses
    that cut no number; a test holds this to them. Only long tables are split otherwise, between rows and
    with their header in every passage. To import the parsers takes a second, more than most additions to
    an index.
    """

    tokens: int = 640
    overlap: int = 64

    def __post_init__(self) -> None:
        if self.tokens < 32 or not 0 <= self.overlap <= self.tokens // 2:
            raise ValueError(
                f"passages of {self.tokens} tokens with an overlap of {self.overlap} cannot be made: "
                "give at least 32 tokens and an overlap of at most half of them."
            )

    def split(self, text: str, *, markdown: bool = False) -> list[str]:
        """The passages of a text, none empty; a text that is small enough is one."""
        text = text.strip()
        if not text:
            return []
        if fits(text, self.tokens):
            return [text]
        text = _LONG_WORD.sub(lambda word: _PART.sub(r"\g<0> ", word.group()), text)
        if not markdown:
            return list(self._packed(text))
        return self._join(passage for section in _sections(text) for passage in self._section(section))

    def _section(self, text: str) -> Iterator[str]:
        """The passages of a section; each that holds rows of a table begins with the table's header."""
        if not table_splitting.holds_table(text) or fits(text, self.tokens):
            return self._packed(text)
        return table_splitting.packed(table_splitting.parts(text), self.tokens, self._packed)

    def _packed(self, text: str) -> Iterator[str]:
        """As many pieces a passage as fit, after those at the end of the last one that may be repeated."""
        inside: deque[tuple[str, int]] = deque()
        size = 0
        for piece, tokens in self._pieces(text):
            if inside and size + tokens > self.tokens:
                yield from _text(inside)
                while size > self.overlap:
                    size -= inside.popleft()[1]
            while inside and size + tokens > self.tokens:
                size -= inside.popleft()[1]
            inside.append((piece, tokens))
            size += tokens
        yield from _text(inside)

    def _pieces(self, text: str) -> Iterator[tuple[str, int]]:
        """The largest parts that fit, and their tokens: paragraphs, sentences, clauses, words, characters."""
        tokens = token_count(text)
        if tokens <= self.tokens or len(text) == 1:
            yield text, tokens
            return
        for part in _parts(text):
            yield from self._pieces(part)

    def _join(self, sections: Iterable[str]) -> list[str]:
        """Neighbouring sections in one passage as far as they fit: a heading alone says nothing."""
        joined: list[str] = []
        room = 0
        for section in sections:
            size = token_count(section)
            if joined and size <= room:
                joined[-1] = f"{joined[-1]}\n\n{section}"
                room -= size + 2
            else:
                joined.append(section)
                room = self.tokens - size - 2
        return joined


def _text(pieces: Iterable[tuple[str, int]]) -> Iterator[str]:
    if text := "".join(piece for piece, _ in pieces).strip():
        yield text


def _parts(text: str) -> list[str]:
    """The text in several parts, cut at the first of these that occurs in it."""
    for parts in (
        _ahead(text, _PARAGRAPHS),
        _sentences(text),
        _CLAUSE.findall(text),
        _ahead(text, " "),
        # Where lines hold no space, they are the words.
        _ahead(text, "\n"),
    ):
        if len(parts) > 1:
            return parts
    return list(text)


def _ahead(text: str, mark: str) -> list[str]:
    """Parts that begin with the mark, but for the first."""
    first, *others = text.split(mark)
    return [part for part in (first, *(mark + other for other in others)) if part]


def _sentences(text: str) -> list[str]:
    """Sentences with the space between them, so that the pieces make up the text."""
    starts = [0, *(sentence.start for sentence in sentences(text)[1:]), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if end > start]


def _sections(text: str) -> Iterator[str]:
    """Markdown in pieces that begin at headings; a line of code is none."""
    section: list[str] = []
    code = False
    for line in text.split("\n"):
        if line.lstrip().startswith(_FENCE):
            code = not code
        elif not code and (heading := _HEADING.match(line)):
            if whole := "\n".join(section).strip():
                yield whole
            section = []
            line = f"{heading.group(1)} {heading.group(2)}"
        section.append(line)
    if whole := "\n".join(section).strip():
        yield whole
