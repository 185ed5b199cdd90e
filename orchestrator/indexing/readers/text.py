"""Plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from orchestrator.indexing.readers.encoding import decoded
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader, document, limited
from orchestrator.indexing.readers.titles import real_title

_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FRONT_TITLE = re.compile(r"\A---\n(?:.*\n){0,40}?title:[ \t]*(['\"]?)(.+?)\1[ \t]*\n")


class TextReader(FileReader):
    """A text file is one document, named after the file."""

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        yield document(name, "", _lines(found.text))
        yield from found.notes


class MarkdownReader(FileReader):
    """A Markdown file is one document, named by its front matter or first heading."""

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        text = limited(_lines(found.text))
        front, heading = _FRONT_TITLE.search(text), _HEADING.search(text, 0, 20_000)
        title = real_title(front and front.group(2), heading and heading.group(1))
        yield document(name, title.replace("`", "").replace("*", ""), text)
        yield from found.notes


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
