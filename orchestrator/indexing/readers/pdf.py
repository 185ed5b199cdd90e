"""PDF, by PDFium: the text layer in reading order; a scan without one has to go through OCR first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader, StillReading, document
from orchestrator.indexing.readers.pdf_headings import Headings, headings
from orchestrator.indexing.readers.pdf_layout import regions
from orchestrator.indexing.readers.pdf_pages import PdfPages
from orchestrator.indexing.readers.pdf_paragraphs import Piece, joined, pieces
from orchestrator.indexing.readers.pdf_running_heads import without_running_heads
from orchestrator.indexing.readers.titles import real_title

if TYPE_CHECKING:
    from orchestrator.indexing.readers.pdf_characters import PageText
    from orchestrator.indexing.readers.pdf_tables import Table

#: The part of the characters that may have no meaning: more is no text.
_UNMAPPED = 0.2
#: PDFium's code for a document that does not open without a password.
_PASSWORD = 4
#: A bookmark below more others is no section.
_DEEPEST = 4


class PdfReader(FileReader):
    """A PDF file is one document, named by its own title if it has one. Its text is Markdown by layout:

    columns in order, tables where cells align, headings by bookmarks or size, no running heads.
    """

    markdown: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote | StillReading]:
        import pypdfium2  # pyright: ignore[reportMissingTypeStubs]

        pages = PdfPages()
        try:
            with pypdfium2.PdfDocument(data) as parsed:
                yield from pages.read(parsed)
                title = str(parsed.get_metadata_dict().get("Title") or "")
                bookmarks = _bookmarks(parsed)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD:
                raise UnreadableFile("It is encrypted; save it without a password.") from error
            raise UnreadableFile(f"It is not a valid PDF: {str(error).rstrip('.')}.") from error
        read = pages.texts
        _require_text(read)
        text, starts = _whole(read, bookmarks)
        heading = next((line[2:] for line in text.splitlines() if line.startswith("# ")), "")
        whole = document(name, real_title(title, heading), text, pages=len(read))
        yield replace(whole, page_starts=tuple(starts))
        yield from pages.notes()


def _bookmarks(parsed: Any) -> list[tuple[int, str, int]]:
    """Page (from 0), title and level (from 1) of each bookmark."""
    found: list[tuple[int, str, int]] = []
    for mark in parsed.get_toc(max_depth=_DEEPEST):
        target = mark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            found.append((page, mark.get_title(), mark.level + 1))
    return found


def _require_text(read: Sequence[PageText]) -> None:
    characters = sum(page.characters for page in read)
    if not characters:
        raise UnreadableFile("It holds no text; if it is a scan, run it through OCR first.")
    if sum(page.unmapped for page in read) > _UNMAPPED * characters:
        raise UnreadableFile(
            "Its character map is broken: the text is numbers of drawings and no letters. "
            "Run it through OCR first, or save it again from where it was written."
        )


def _whole(read: Sequence[PageText], bookmarks: Sequence[tuple[int, str, int]]) -> tuple[str, list[int]]:
    """The Markdown of all pages, and the characters at which they begin."""
    pages = without_running_heads([page.runs for page in read])
    found = headings(pages, bookmarks)
    written = _Writer(found)
    for number, runs in enumerate(pages):
        written.begin_page()
        for region in regions(runs):
            for piece in pieces(region, found, number):
                written.add(piece)
        if read[number].aside:
            written.add(Piece(read[number].aside))
    return "".join(written.parts), written.starts


class _Writer:
    """Pieces one after the other; what goes on in the next column or on the next page is joined."""

    def __init__(self, found: Headings) -> None:
        self.parts: list[str] = []
        self.starts: list[int] = []
        self._found = found
        self._length = 0
        self._page_begins = False
        self._open = False
        self._heading = 0
        self._table: Table | None = None

    def begin_page(self) -> None:
        # A page without text begins where the next one does.
        self.starts.append(self._length)
        self._page_begins = True

    def add(self, piece: Piece) -> None:
        before = self.parts[-1] if self.parts else ""
        text, between = piece.text, "\n\n" if before else ""
        if piece.table is not None:
            continued = self._table if self._table and piece.table.continues(self._table) else None
            text = piece.table.markdown(continued)
            between = "\n" if continued else between
        elif self._open and not piece.heading and text[:1].islower():
            whole = joined(before, text)
            shared = len(before) - (not whole.startswith(before))
            self._write_over(before[:shared])
            text, between = whole[shared:].lstrip(" "), whole[shared:][: whole[shared:].startswith(" ")]
        self._begin(between)
        self._append(text)
        self._table = piece.table
        self._open = piece.open
        self._heading = piece.heading

    def _begin(self, between: str) -> None:
        self._append(between)
        if self._page_begins:
            # All pages since the last text begin here.
            number = len(self.starts)
            while number and self.starts[number - 1] >= self._length - len(between):
                self.starts[number - 1] = self._length
                number -= 1
            self._page_begins = False

    def _append(self, text: str) -> None:
        if text:
            self.parts.append(text)
            self._length += len(text)

    def _write_over(self, text: str) -> None:
        self._length += len(text) - len(self.parts[-1])
        self.parts[-1] = text
