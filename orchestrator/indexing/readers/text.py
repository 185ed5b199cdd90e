"""Plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from orchestrator.indexing.readers.encoding import decoded
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader, document, limited
from orchestrator.indexing.readers.titles import real_title

_HEADING = re.compile(r"^#{1,2}[ \t]+(.+)", re.MULTILINE)
_CLOSING = re.compile(r"(?:^|[ \t])#+$")
_FRONT_TITLE = re.compile(r"\A---\n(?:.*\n){0,40}?title:(.+)\n")
#: A picture that is written into the text: letters without words.
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,[A-Za-z0-9+/=_%-]+")


class TextReader(FileReader):
    """A text file is one document, named after the file."""

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        yield document(name, "", _lines(found.text))
        yield from found.notes


class MarkdownReader(FileReader):
    """A Markdown file is one document, named by its front matter or first heading.

    Pictures that are written into it as data are left out.
    """

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        text = _lines(found.text)
        text = limited(_EMBEDDED.sub("", text) if ";base64," in text else text)
        front, heading = _FRONT_TITLE.search(text), _HEADING.search(text, 0, 20_000)
        title = real_title(front and _unquoted(front.group(1)), heading and _unclosed(heading.group(1)))
        yield document(name, title.replace("`", "").replace("*", ""), text)
        yield from found.notes


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _unclosed(heading: str) -> str:
    """A heading without the marks that may close it; that of `C#` is its own."""
    return _CLOSING.sub("", heading.strip())


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
