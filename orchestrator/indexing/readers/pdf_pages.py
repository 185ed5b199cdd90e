"""The pages of a PDF file as text, with the values of its fields, and what of the file holds none."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.indexing.readers.file import LONGEST_TEXT, FileNote, StillReading, limited
from orchestrator.indexing.readers.pdf_characters import PageText, page_text

#: How many pages or files are named; the others are counted.
_NAMED = 8
#: After how many pages there is a sign that reading goes on.
_OFTEN = 50
#: The part of a file's characters that may have no meaning without a word about it.
_UNMAPPED = 0.01
_NOTHING = PageText((), "", 0, 0)


@dataclass(slots=True)
class PdfPages:
    """The text of each page. `damaged` ones cannot be read, and `pictures` have no text; both from 1."""

    texts: list[PageText] = field(default_factory=list[PageText])
    damaged: list[int] = field(default_factory=list[int])
    pictures: list[int] = field(default_factory=list[int])
    attached: list[str] = field(default_factory=list[str])

    def read(self, parsed: Any) -> Iterator[StillReading]:
        """Read the pages of an open document. A page that is damaged does not hide the others."""
        import pypdfium2  # pyright: ignore[reportMissingTypeStubs]

        # Before any page is opened: fields without a drawing of their value get one.
        parsed.init_forms()
        length = 0
        for number in range(len(parsed)):
            try:
                page = _with_fields(parsed, number)
                read = page_text(page)
                if not read.characters and _holds_picture(page):
                    self.pictures.append(number + 1)
                page.close()
            except pypdfium2.PdfiumError:
                read = _NOTHING
                self.damaged.append(number + 1)
            self.texts.append(read)
            length += read.characters
            if length > LONGEST_TEXT:
                limited(" " * length)
            if number % _OFTEN == _OFTEN - 1:
                yield StillReading()
        for number in range(parsed.count_attachments()):
            try:
                self.attached.append(parsed.get_attachment(number).get_name())
            except pypdfium2.PdfiumError:
                self.attached.append("without a name")

    def notes(self) -> Iterator[FileNote]:
        """What of the file is not read."""
        characters = sum(page.characters for page in self.texts)
        unmapped = sum(page.unmapped for page in self.texts)
        if unmapped > _UNMAPPED * characters:
            yield FileNote(
                f"{unmapped:,} of its {characters:,} characters are no letters by its character map.",
                lost=True,
            )
        for pages, one, several in (
            (self.damaged, "1 page is damaged and", "pages are damaged and"),
            (self.pictures, "1 page is a picture without text and", "pages are pictures without text and"),
        ):
            if pages:
                what = one if len(pages) == 1 else f"{len(pages):,} {several}"
                advice = "; run it through OCR" if pages is self.pictures else ""
                yield FileNote(
                    f"{what} left out ({_named('page', list(map(str, pages)))}){advice}.", lost=True
                )
        if self.attached:
            what = "1 file is" if len(self.attached) == 1 else f"{len(self.attached):,} files are"
            yield FileNote(f"{what} attached and not read ({_named('', self.attached)}).", lost=True)


def _with_fields(parsed: Any, number: int) -> Any:
    """A page on which the values of fields and typed notes are text like other text."""
    pdfium: Any = importlib.import_module("pypdfium2.raw")  # which has no types
    page = parsed[number]
    if not any(kind in (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT) for kind in _annotations(page)):
        return page
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return parsed[number]


def _annotations(page: Any) -> Iterator[int]:
    pdfium: Any = importlib.import_module("pypdfium2.raw")  # which has no types
    for number in range(pdfium.FPDFPage_GetAnnotCount(page)):
        if annotation := pdfium.FPDFPage_GetAnnot(page, number):
            yield pdfium.FPDFAnnot_GetSubtype(annotation)
            pdfium.FPDFPage_CloseAnnot(annotation)


def _holds_picture(page: Any) -> bool:
    pdfium: Any = importlib.import_module("pypdfium2.raw")  # which has no types
    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _named(kind: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"{kind}{'s' if len(names) > 1 else ''} {shown}" if kind else shown
