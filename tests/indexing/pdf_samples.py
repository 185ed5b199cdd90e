"""PDF files with text at places, made by hand, so that what a layout should give is known."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DecodedStreamObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    TextStringObject,
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


def with_fields(data: bytes, values: Mapping[str, tuple[int, int]], *, drawn: bool) -> bytes:
    """The file with filled fields at (x, y) of its first page; `drawn` says that it holds their drawings."""
    writer = PdfWriter(clone_from=io.BytesIO(data))
    font = writer._add_object(_font("Helvetica"))
    fonts = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    fields = ArrayObject()
    for number, (value, (x, y)) in enumerate(values.items()):
        described = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Widget"),
                NameObject("/FT"): NameObject("/Tx"),
                NameObject("/T"): TextStringObject(f"field {number}"),
                NameObject("/V"): TextStringObject(value),
                NameObject("/F"): NumberObject(4),
                NameObject("/DA"): TextStringObject("/F1 10 Tf 0 g"),
                NameObject("/Rect"): _numbers(x, y, x + 200, y + 16),
            }
        )
        if drawn:
            drawing = DecodedStreamObject()
            drawing.set_data(f"BT /F1 10 Tf 2 4 Td ({value}) Tj ET".encode())
            drawing[NameObject("/Type")] = NameObject("/XObject")
            drawing[NameObject("/Subtype")] = NameObject("/Form")
            drawing[NameObject("/BBox")] = _numbers(0, 0, 200, 16)
            drawing[NameObject("/Resources")] = fonts
            described[NameObject("/AP")] = DictionaryObject({NameObject("/N"): writer._add_object(drawing)})
        fields.append(writer._add_object(described))
    writer.pages[0][NameObject("/Annots")] = fields
    writer._root_object[NameObject("/AcroForm")] = DictionaryObject(
        {
            NameObject("/Fields"): fields,
            NameObject("/NeedAppearances"): BooleanObject(not drawn),
            NameObject("/DR"): fonts,
        }
    )
    return saved(writer)


def with_pictures(pages: int, texts: Mapping[int, str]) -> bytes:
    """A scan: a picture a page, but for those that have text, counted from 0."""
    made = pdf_of([Written(60, 700, texts[number])] if number in texts else [] for number in range(pages))
    writer = PdfWriter(clone_from=io.BytesIO(made))
    picture = DecodedStreamObject()
    picture.set_data(b"\xff" * 100)
    for name, value in {
        "/Type": NameObject("/XObject"),
        "/Subtype": NameObject("/Image"),
        "/Width": NumberObject(10),
        "/Height": NumberObject(10),
        "/ColorSpace": NameObject("/DeviceGray"),
        "/BitsPerComponent": NumberObject(8),
    }.items():
        picture[NameObject(name)] = value
    drawn = DictionaryObject({NameObject("/I"): writer._add_object(picture)})
    for number, page in enumerate(writer.pages):
        if number not in texts:
            content = DecodedStreamObject()
            content.set_data(b"q 600 0 0 800 0 0 cm /I Do Q")
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): drawn})
            page[NameObject("/Contents")] = writer._add_object(content)
    return saved(writer)


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


def _numbers(*values: int) -> ArrayObject:
    return ArrayObject(map(NumberObject, values))


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
