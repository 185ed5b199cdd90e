"""The characters of a PDF's page with their places, by PDFium, as runs of text on a line."""

from __future__ import annotations

import importlib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from math import hypot, pi
from typing import Any

#: A gap of this part of the size of the letters is a space, and one of the other ends a run.
_SPACE, _APART = 0.17, 0.95
#: How many letters of a page tell how its text is turned.
_LOOKED_AT = 64
#: No page is larger, in points.
_FAR = 20_000.0
#: Letters that a font draws as one, and forms of Arabic letters: what they stand for is searched.
_DRAWN = ((0xFB00, 0xFDFF), (0xFE70, 0xFEFC))
_UNSEEN = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
#: Marks of lists from fonts of symbols, which have no other codes.
_SYMBOLS = {0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "‣", 0xF0FC: "✓"}
#: How PDFium marks the hyphen at the end of a line.
_HYPHENS = frozenset((0x02, 0xFFFE, 0x2010))


@dataclass(frozen=True, slots=True)
class Run:
    """Text on one line, without a gap. The box is in points, y upwards; `size` is that of its letters."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class PageText:
    """The runs of a page in the order of the file, and how many of its characters have no meaning.

    `aside` is text that is turned otherwise than most, as a stamp in a margin.
    """

    runs: tuple[Run, ...]
    aside: str
    characters: int
    unmapped: int


def page_text(page: Any) -> PageText:
    """The text layer of a page of PDFium."""
    text = page.get_textpage()
    try:
        return _Collector(text.raw, _turns(text.raw, page.get_rotation() // 90 % 4)).collected()
    finally:
        text.close()


def _turns(text: Any, shown: int) -> int:
    """By how many quarters most letters are turned; `shown` is how the page is, if there are none.

    A wide table may stand sideways on an upright page, and an upright text on one that is shown sideways.
    """
    pdfium: Any = importlib.import_module("pypdfium2.raw")  # which has no types
    count: int = pdfium.FPDFText_CountChars(text)
    found = Counter(
        _quarters(pdfium.FPDFText_GetCharAngle(text, number))
        for number in range(0, count, max(1, count // _LOOKED_AT))
        if pdfium.FPDFText_GetUnicode(text, number) > 0x20
    )
    return found.most_common(1)[0][0] if found else shown


def _quarters(angle: float) -> int:
    # PDFium counts with the clock; what stands so is read on a page that is turned back.
    return -round(angle / (pi / 2)) % 4 if angle >= 0 else 0


class _Collector:
    """Characters one after the other, gathered into runs."""

    def __init__(self, text: Any, turns: int) -> None:
        import pypdfium2.raw as pdfium  # pyright: ignore[reportMissingTypeStubs]

        self._pdfium, self._text, self._turns = pdfium, text, turns
        self._runs: list[Run] = []
        self._aside: list[str] = []
        self._letters: list[str] = []
        self._box = (0.0, 0.0, 0.0, 0.0)
        self._last = (0.0, 0.0)
        self._size, self._bold, self._turned, self._parted = 0.0, False, False, False

    def collected(self) -> PageText:
        pdfium, text = self._pdfium, self._text
        place = pdfium.FS_RECTF()
        code_of, box_of = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
        lacks = pdfium.FPDFText_HasUnicodeMapError
        characters = unmapped = 0
        spaced, turns = False, self._turns
        for number in range(max(0, pdfium.FPDFText_CountChars(text))):
            code: int = code_of(text, number)
            if code in (0x20, 0x0A, 0x0D, 0x09, 0xA0):
                spaced = True
                continue
            characters += 1
            letter = letter_of(code)
            if lacks(text, number) == 1 or is_meaningless(code):
                unmapped += 1
            box_of(text, number, place)
            box = place.left, place.bottom, place.right, place.top
            if turns:
                box = _upright(*box, turns)
            # Beyond any page, or no number at all: the file is damaged there.
            if not (-_FAR < box[0] <= box[2] < _FAR and -_FAR < box[1] <= box[3] < _FAR):
                continue
            self._take(number, letter, box, spaced)
            spaced = False
        self._end()
        return PageText(tuple(self._runs), "".join(self._aside).strip(), characters, unmapped)

    def _take(self, number: int, letter: str, box: tuple[float, float, float, float], spaced: bool) -> None:
        left, bottom, right, top = box
        if self._letters:
            first, low, last, high = self._box
            before, after = self._last
            # The next letter of a line of one font, as nearly all are, needs no look at more.
            gap = left - after if left >= before else max(left - after, before - right)
            level = (bottom == low and top == high) or (
                min(top, high) - max(bottom, low) >= 0.5 * min(top - bottom, high - low)
            )
            if level and gap <= _APART * self._size:
                if spaced or gap > _SPACE * self._size:
                    self._letters.append(" ")
                self._letters.append(letter)
                if left < first or bottom < low or right > last or top > high:
                    self._box = (min(first, left), min(low, bottom), max(last, right), max(high, top))
                self._last = (left, right)
                return
        self._end()
        self._parted = spaced
        self._begin(number, letter, box)

    def _begin(self, number: int, letter: str, box: tuple[float, float, float, float]) -> None:
        self._letters, self._box, self._last = [letter], box, (box[0], box[2])
        pdfium = self._pdfium
        matrix = pdfium.FS_MATRIX()
        size: float = pdfium.FPDFText_GetFontSize(self._text, number)
        if pdfium.FPDFText_GetMatrix(self._text, number, matrix):
            size *= hypot(matrix.c, matrix.d)
        self._size = size if size > 0.5 else max(1.0, box[3] - box[1])
        self._bold = self._is_bold(number)
        self._turned = _quarters(pdfium.FPDFText_GetCharAngle(self._text, number)) != self._turns

    def _is_bold(self, number: int) -> bool:
        import ctypes

        if self._pdfium.FPDFText_GetFontWeight(self._text, number) >= 600:
            return True
        buffer, flags = ctypes.create_string_buffer(100), ctypes.c_int()
        length = self._pdfium.FPDFText_GetFontInfo(self._text, number, buffer, 100, flags)
        return 0 < length <= 100 and b"bold" in buffer.value.lower()

    def _end(self) -> None:
        text = "".join(self._letters).strip()
        self._letters = []
        if text and self._turned:
            self._aside.append(f" {text}" if self._parted or len(text) > 1 else text)
        elif text:
            self._runs.append(Run(unicodedata.normalize("NFC", text), *self._box, self._size, self._bold))


def _upright(
    left: float, bottom: float, right: float, top: float, turns: int
) -> tuple[float, float, float, float]:
    """A box as it is seen on a page that is shown turned by this many quarters, clockwise."""
    if turns == 1:
        return bottom, -right, top, -left
    if turns == 2:
        return -right, -top, -left, -bottom
    if turns == 3:
        return -top, left, -bottom, right
    return left, bottom, right, top


def letter_of(code: int) -> str:
    """What a character code of a page stands for in its text; "" if that is nothing."""
    if 0x20 < code < 0x7F:
        return chr(code)
    if code in _HYPHENS:
        return "-"
    if 0xE000 <= code <= 0xF8FF:
        return _SYMBOLS.get(code, "")
    letter = chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd"
    if any(first <= code <= last for first, last in _DRAWN):
        return unicodedata.normalize("NFKC", letter)
    return "" if letter in _UNSEEN or code < 0x20 or 0x7F <= code < 0xA0 else letter


def is_meaningless(code: int) -> bool:
    """Whether a character says nothing: no letter of Unicode, but the number of a drawing in a font."""
    if 0x20 < code < 0x7F or code in _HYPHENS or code in _SYMBOLS:
        return False
    return code < 0x20 or code == 0xFFFD or 0xE000 <= code <= 0xF8FF or 0x7F <= code < 0xA0
