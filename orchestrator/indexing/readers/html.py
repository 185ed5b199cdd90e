"""Web pages, by Beautiful Soup: what a reader would see, with headings and lists as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileReader, document, limited

_UNSEEN = "script style noscript template svg iframe head nav form button select".split()
_BLOCKS = frozenset(
    """
    address article aside blockquote body br center dd details div dl dt fieldset figcaption figure footer
    h1 h2 h3 h4 h5 h6 header hr html li main ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()
)
_SPACE = re.compile(r"\s+")
_EMPTY_LINES = re.compile(r"(?:[ \t]*\n){3,}")


class HtmlReader(FileReader):
    """A web page is one document, named by its title or first heading."""

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        from bs4 import BeautifulSoup

        if b"\0" in data[:1000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableFile("It is not HTML: it holds binary data.")
        try:
            page = BeautifulSoup(data, "lxml")
            title = page.title.get_text() if page.title else ""
            if not title and page.h1:
                title = page.h1.get_text()
            for unseen in page.find_all(_UNSEEN):
                unseen.decompose()
            text = limited("".join(_pieces(page)))
        except (RecursionError, AssertionError, ValueError) as error:
            raise UnreadableFile(f"It is not valid HTML: {str(error) or type(error).__name__}.") from error
        text = re.sub(r"\n (?=\S)", "\n", _EMPTY_LINES.sub("\n\n", text))
        yield document(name, " ".join(title.split()), text)


def _pieces(page: Any) -> Iterator[str]:
    """Texts in order, with line breaks where a block begins or ends; no recursion, however deep the page."""
    from bs4 import Tag
    from bs4.element import PreformattedString

    waiting: list[tuple[Any, bool]] = [(page, False)]
    while waiting:
        node, kept = waiting.pop()
        if isinstance(node, Tag):
            kept = kept or node.name == "pre"
            before, after = _marks(node)
            waiting.append((after, True))
            waiting.extend((child, kept) for child in reversed(node.contents))
            waiting.append((before, True))
        elif not isinstance(node, PreformattedString):  # comments and declarations
            yield str(node) if kept else _SPACE.sub(" ", node)


def _marks(tag: Any) -> tuple[str, str]:
    """What stands before and after the text of a tag."""
    name: str = tag.name
    if name in ("h1", "h2", "h3", "h4", "h5", "h6"):
        return f"\n\n{'#' * int(name[1])} ", "\n\n"
    if name == "li":
        return "\n- ", "\n"
    if name in ("td", "th"):
        return " ", " |"
    if name in ("br", "tr"):
        return "\n", "\n" if name == "tr" else ""
    if name == "pre":
        return "\n\n```\n", "\n```\n\n"
    return ("\n\n", "\n\n") if name in _BLOCKS else ("", "")
