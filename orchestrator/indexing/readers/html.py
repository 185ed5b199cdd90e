"""Web pages: what a reader would see of their content, as Markdown."""

from __future__ import annotations

import codecs
import importlib
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileReader, decoded, document, limited
from orchestrator.indexing.readers.html_content import keep_content
from orchestrator.indexing.readers.html_text import markdown
from orchestrator.indexing.readers.titles import real_title

_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
#: What pages that name these mean by them (WHATWG, Encoding Standard, section 4.2).
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\xad\ufeff]")


class HtmlReader(FileReader):
    """A web page is one document, named by its title or first heading."""

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        if b"\0" in data[:1000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableFile("It is not HTML: it holds binary data.")
        page = _parsed(data)
        title = _text(page, "title")
        heading = _text(page, "h1")
        yield document(name, real_title(title, heading), _content(page))


def page_text(data: bytes, charset: str | None = None) -> str:
    """The content of a page as Markdown; `charset` is what came with it."""
    return _content(_parsed(data, charset))


def _content(page: Any) -> str:
    return limited(markdown(keep_content(page)))


def _parsed(data: bytes, charset: str | None = None) -> Any:
    etree: Any = importlib.import_module("lxml.etree")  # which has no types
    text = _CONTROL.sub("", _decoded(data, charset))
    if not text.strip():
        raise UnreadableFile("It holds no text.")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        page = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise UnreadableFile(f"It is not valid HTML: {str(error) or type(error).__name__}.") from error
    if page is None:
        raise UnreadableFile("It holds no text.")
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise UnreadableFile("It is not valid HTML: it is nested too deep.")
    return page


def _decoded(data: bytes, charset: str | None) -> str:
    """Text in the encoding that the page's mark or head names, or in the one that fits."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), charset)
    if not encoding and (named := _CHARSET.search(data, 0, 4096)):
        encoding = named.group(1).decode("ascii", "replace")
    try:
        encoding = codecs.lookup(encoding or "utf-8").name
        # A head that can be read as it is names no encoding of two bytes a letter.
        encoding = "utf-8" if encoding.startswith("utf-16") and b"<" in data[:1] else encoding
        return data.decode(_MEANT.get(encoding, encoding))
    except (LookupError, UnicodeDecodeError):
        pass
    try:
        return decoded(data)
    except UnreadableFile:
        return data.decode("cp1252", "replace")


def _text(page: Any, tag: str) -> str:
    found = next(page.iter(tag), None)
    return "" if found is None else " ".join("".join(found.itertext()).split())
