"""PDF files with text at places, made by hand, so that what a layout should give is known."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A line of text whose baseline begins at (x, y), in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False


def pdf_of(pages: Iterable[Iterable[Written]], bookmarks: Sequence[tuple[str, int, int]] = ()) -> bytes:
    """A file with these lines a page; bookmarks are title, page (from 0) and level (from 0)."""
    writer = PdfWriter()
    fonts = DictionaryObject(
        {NameObject(f"/F{number}"): writer._add_object(_font(name)) for number, name in enumerate(FONTS)}
    )
    for lines in pages:
        page = writer.add_blank_page(600, 800)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = DecodedStreamObject()
        content.set_data("\n".join(_shown(line) for line in lines).encode("cp1252"))
        page[NameObject("/Contents")] = writer._add_object(content)
    parents: dict[int, IndirectObject] = {}
    for title, number, level in bookmarks:
        parents[level] = writer.add_outline_item(
            title=title, page_number=number, parent=parents.get(level - 1)
        )
    return saved(writer)


FONTS = ("Helvetica", "Helvetica-Bold")


def saved(writer: PdfWriter) -> bytes:
    """The bytes of the file."""
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


def column(x: float, top: float, lines: Iterable[str], *, size: float = 10) -> Iterator[Written]:
    """Lines below each other, as in a paragraph."""
    for number, line in enumerate(lines):
        yield Written(x, top - 1.2 * size * number, line, size)


def table(x: float, top: float, rows: Iterable[Sequence[str]], *, width: float = 110) -> Iterator[Written]:
    """Rows of cells, each at the left of its column."""
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            yield Written(x + at * width, top - 16 * number, cell)


def unmapped_pdf(glyphs: bytes) -> bytes:
    """A file whose font says which drawings to show, but not which letters they are."""
    writer = PdfWriter()
    described = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type3"),
            NameObject("/FontBBox"): ArrayObject(map(NumberObject, (0, 0, 10, 10))),
            NameObject("/FontMatrix"): ArrayObject(
                [
                    NumberObject(1),
                    NumberObject(0),
                    NumberObject(0),
                    NumberObject(1),
                    NumberObject(0),
                    NumberObject(0),
                ]
            ),
            NameObject("/FirstChar"): NumberObject(1),
            NameObject("/LastChar"): NumberObject(30),
            NameObject("/Widths"): ArrayObject([NumberObject(1)] * 30),
            NameObject("/Encoding"): DictionaryObject(
                {
                    NameObject("/Differences"): ArrayObject(
                        [NumberObject(1), *(NameObject(f"/g{number}") for number in range(1, 31))]
                    )
                }
            ),
        }
    )
    drawing = DecodedStreamObject()
    drawing.set_data(b"1 0 d0 0 0 1 1 re f")
    drawn = writer._add_object(drawing)
    described[NameObject("/CharProcs")] = DictionaryObject(
        {NameObject(f"/g{number}"): drawn for number in range(1, 31)}
    )
    page = writer.add_blank_page(600, 800)
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(described)})}
    )
    content = DecodedStreamObject()
    content.set_data(b"BT /F1 12 Tf 50 700 Td <" + glyphs.hex().encode() + b"> Tj ET")
    page[NameObject("/Contents")] = writer._add_object(content)
    return saved(writer)


def _font(name: str) -> DictionaryObject:
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject(f"/{name}"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )


def _shown(line: Written) -> str:
    text = line.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F{int(line.bold)} {line.size} Tf {line.x} {line.y} Td ({text}) Tj ET"
