"""Web pages: what a reader would see of their content, as Markdown."""

from __future__ import annotations

import codecs
import importlib
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.encoding import DecodedText, decoded
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader, document, limited
from orchestrator.indexing.readers.html_content import keep_content
from orchestrator.indexing.readers.html_text import markdown
from orchestrator.indexing.readers.titles import real_title

_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
#: What pages that name these mean by them (WHATWG, Encoding Standard, section 4.2).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
#: What Python can read and no browser does.
_UNHEARD = frozenset("utf-7 idna punycode raw-unicode-escape unicode-escape undefined charmap".split())
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ufeff]")


class HtmlReader(FileReader):
    """A web page is one document, named by its title or first heading."""

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        source = _decoded(data, None)
        page = _parsed(source.text)
        yield document(name, real_title(_text(page, "title"), _text(page, "h1")), _content(page))
        yield from source.notes


def page_text(data: bytes, charset: str | None = None) -> str:
    """The content of a page as Markdown; `charset` is what came with it."""
    return _content(_parsed(_decoded(data, charset).text))


def _content(page: Any) -> str:
    return limited(markdown(keep_content(page)))


def _parsed(source: str) -> Any:
    etree: Any = importlib.import_module("lxml.etree")  # which has no types
    if not source.strip():
        raise UnreadableFile("It holds no text.")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        page = etree.fromstring(source.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise UnreadableFile(f"It is not valid HTML: {str(error) or type(error).__name__}.") from error
    if page is None:
        raise UnreadableFile("It holds no text.")
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise UnreadableFile("It is not valid HTML: it is nested too deep.")
    return page


def _decoded(data: bytes, charset: str | None) -> DecodedText:
    """Text in the encoding that came with the page or that its head names, if it fits; else as other text."""
    encoding = charset
    # A mark says more than the head; and one that can be read so names no encoding of two bytes a letter.
    marked = data.startswith(b"\xef\xbb\xbf") or b"\0" in data[:1000]
    if not encoding and not marked and (named := _CHARSET.search(data, 0, 4096)):
        encoding = named.group(1).decode("ascii", "replace")
    if encoding and not encoding.lower().startswith(("utf-16", "utf-32")):
        try:
            encoding = codecs.lookup(encoding).name
            if encoding.replace("_", "-") not in _UNHEARD and not _is_utf8(data, encoding):
                return DecodedText(_CONTROL.sub("", data.decode(_MEANT.get(encoding, encoding))))
        except (LookupError, UnicodeError):
            pass
    return decoded(data)


def _is_utf8(data: bytes, encoding: str) -> bool:
    """Whether a page is in UTF-8 after all, though its head names an encoding of one byte a letter.

    No text in one of those is UTF-8 by chance.
    """
    if data.isascii() or not encoding.startswith(("ascii", "iso8859", "cp12", "koi8", "mac", "tis")):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(page: Any, tag: str) -> str:
    found = next(page.iter(tag), None)
    return "" if found is None else " ".join("".join(found.itertext()).split())
