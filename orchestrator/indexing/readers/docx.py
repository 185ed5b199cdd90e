"""Word documents, by python-docx: headings, paragraphs, lists and tables, as Markdown."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileReader, document

#: The most that a file may unpack to, in bytes, and in how many parts.
LARGEST_UNPACKED = 256 * 2**20
MOST_PARTS = 10_000

_PIECE = 2**20
#: What a broken file can surprise its parsers with.
_FLAWS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OSError),
)
_HEADING = re.compile(r"(?:heading|title) ?(\d?)", re.IGNORECASE)


class DocxReader(FileReader):
    """A .docx file is one document, named by its properties or its first heading."""

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        import docx
        from docx.opc.exceptions import OpcError

        check_unpacked(data)
        try:
            word = docx.Document(io.BytesIO(data))
            lines = list(_lines(word))
            title = word.core_properties.title
        except (OpcError, SyntaxError, RecursionError, *_FLAWS) as error:  # lxml's are syntax errors
            raise UnreadableFile(f"It is not a valid .docx: {str(error) or type(error).__name__}.") from error
        heading = next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
        yield document(name, (title or heading).strip(), "\n\n".join(lines))


def check_unpacked(data: bytes) -> None:
    """Refuse an archive that unpacks to more than a document can be, whatever its directory declares."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            declared = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or declared > LARGEST_UNPACKED:
                raise UnreadableFile(_bomb(len(parts), declared))
            unpacked = 0
            for part in parts:
                with archive.open(part) as opened:
                    while piece := opened.read(_PIECE):
                        unpacked += len(piece)
                        if unpacked > LARGEST_UNPACKED:
                            raise UnreadableFile(_bomb(len(parts), unpacked))
    except (RuntimeError, *_FLAWS) as error:
        encrypted = data.startswith(b"\xd0\xcf\x11\xe0") or "password" in str(error)
        reason = (
            "It is encrypted or in the older .doc format; save it as .docx without a password."
            if encrypted
            else f"It is not a valid .docx: {str(error) or type(error).__name__}."
        )
        raise UnreadableFile(reason) from error


def _bomb(parts: int, size: int) -> str:
    return (
        f"It unpacks to {parts:,} parts and at least {size / 2**20:,.0f} MB, more than {MOST_PARTS:,} parts "
        f"or {LARGEST_UNPACKED / 2**20:,.0f} MB; it may be a zip bomb."
    )


def _lines(word: Any) -> Iterator[str]:
    from docx.table import Table

    for block in word.iter_inner_content():
        if isinstance(block, Table):
            yield from _table(block)
            continue
        text = block.text.strip()
        if not text:
            continue
        style = getattr(block.style, "name", "") or ""
        if heading := _HEADING.match(style):
            yield f"{'#' * int(heading.group(1) or 1)} {text}"
        elif style.startswith("List"):
            yield f"- {text}"
        else:
            yield text


def _table(table: Any) -> Iterator[str]:
    rows: list[str] = []
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:
            text = " ".join(cell.text.split())
            # A cell that spans columns is listed once for each.
            if not cells or cells[-1] != text:
                cells.append(text)
        rows.append(f"| {' | '.join(cells)} |")
        if len(rows) == 1:
            rows.append("|" + " --- |" * len(cells))
    if rows:
        yield "\n".join(rows)
