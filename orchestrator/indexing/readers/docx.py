"""Word documents: what they show, in reading order, as Markdown."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers import word_package
from orchestrator.indexing.readers.encoding import decoded
from orchestrator.indexing.readers.file import FileDocument, FileReader, document
from orchestrator.indexing.readers.html import page_text
from orchestrator.indexing.readers.titles import real_title
from orchestrator.indexing.readers.word_package import WordPackage
from orchestrator.indexing.readers.word_text import Block, WordText, joined

#: The most that a file may unpack to, in bytes, and in how many parts.
LARGEST_UNPACKED = 256 * 2**20
MOST_PARTS = 10_000

#: How deep documents may be set into documents.
_DEEPEST = 3
#: What a broken file can surprise its parsers with; the syntax errors are those of XML.
_FLAWS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(SyntaxError, ValueError, KeyError, OSError),
)
#: Limits of the parser of XML, by words of its messages.
_TOO_MUCH = {
    "Excessive depth": "It is nested too deep; take its tables apart.",
    "Text node too long": "It holds a paragraph of more than 10 million characters; split it.",
    "unknown error": "It takes more memory than a file may; split it.",
    "out of memory": "It takes more memory than a file may; split it.",
    "amplification": "It is not a valid .docx: its entities expand without end.",
}
#: Headers and footers such as "Page 3 of 12".
_PAGE_NUMBER = re.compile(
    r"(?:[\W\d_]|\b(?:page|seite|página|pagina|sida|side|strana|strona|of|von|de|sur|di|av|af|z)\b)*",
    re.IGNORECASE,
)


class DocxReader(FileReader):
    """A .docx file is one document, named by its properties or its first heading.

    Headers stand before the text and footers behind it, each once.
    """

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                check_unpacked(archive)
                package = WordPackage(archive)
                blocks = _blocks(package)
                title = _title(package)
        except _FLAWS as error:
            raise UnreadableFile(_reason(data, error)) from error
        heading = next((block.text.lstrip("# ") for block in blocks if block.text.startswith("#")), "")
        yield document(name, real_title(title, heading), joined(blocks))


def check_unpacked(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that unpacks to more than a document can be.

    What it declares is a bound: a part is read no further than the size that the archive has for it.
    """
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or size > LARGEST_UNPACKED:
        raise UnreadableFile(
            f"It unpacks to {len(parts):,} parts and {size / 2**20:,.0f} MB, more than {MOST_PARTS:,} parts "
            f"or {LARGEST_UNPACKED / 2**20:,.0f} MB; it may be a zip bomb."
        )


def _reason(data: bytes, error: Exception) -> str:
    if data.startswith(b"\xd0\xcf\x11\xe0") or "password" in str(error):
        return "It is encrypted or in the older .doc format; save it as .docx without a password."
    for sign, reason in _TOO_MUCH.items():
        if sign in str(error):
            return reason
    return f"It is not a valid .docx: {(str(error) or type(error).__name__).rstrip('.')}."


def _blocks(package: WordPackage, depth: int = 0) -> list[Block]:
    text = WordText.of(package, partial(_inserted_text, depth=depth + 1))
    root = package.root(package.main)
    headers, footers = (_around(package, text, root, kind) for kind in ("header", "footer"))
    return [*headers, *text.blocks(root), *footers]


def _around(package: WordPackage, text: WordText, root: Any, kind: str) -> list[Block]:
    """The headers or footers of all sections, each text once, without those that only number pages."""
    wanted = f"w:{kind}Reference"
    parts = [
        package.target(package.main, word_package.attribute(reference, "r:id"))
        for section in root.iter()
        if word_package.name(section) == "w:sectPr"
        for reference in section
        if word_package.name(reference) == wanted
    ]
    found: dict[str, Block] = {}
    for part in dict.fromkeys(parts):
        for block in text.other(part) if part else ():
            if not _PAGE_NUMBER.fullmatch(block.text):
                found.setdefault(block.text, block)
    return list(found.values())


def _inserted_text(name: str, data: bytes, depth: int) -> str:
    """The text of a file that is set into a document (`w:altChunk`); "" if it cannot be read."""
    if depth > _DEEPEST:
        return ""
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                check_unpacked(archive)
                return joined(_blocks(WordPackage(archive), depth))
        if name.lower().endswith((".mht", ".mhtml", ".eml")):
            return _web_archive_text(data)
        if name.lower().endswith(".txt"):
            return decoded(data).text
        return page_text(data) if b"<" in data and not data.startswith(b"{\\rtf") else ""
    except (UnreadableFile, *_FLAWS):
        return ""


def _web_archive_text(data: bytes) -> str:
    from email import message_from_bytes

    for part in message_from_bytes(data).walk():
        content = part.get_payload(decode=True)
        if part.get_content_type() == "text/html" and isinstance(content, bytes):
            return page_text(content, part.get_content_charset())
    return ""


def _title(package: WordPackage) -> str:
    """The title among the properties of the file."""
    for part in package.related("", "core-properties") or ["docProps/core.xml"]:
        found = word_package.child(package.root(part), "dc:title") if package.root(part) is not None else None
        if found is not None:
            return found.text or ""
    return ""
