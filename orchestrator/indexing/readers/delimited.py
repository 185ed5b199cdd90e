"""Delimited text (CSV, TSV): a record a row, whatever its delimiter, its quotes and its first lines.

RFC 4180 is taken for granted, a doubled quote inside quotes among it, and left only where the file itself
shows otherwise: what is seldom, as a quote in a text, may first occur far behind any sample.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from orchestrator.indexing.readers.encoding import decoded
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader
from orchestrator.indexing.readers.record_fields import LONGEST_LINE, numbered
from orchestrator.indexing.readers.table_header import Header, header_of

#: By preference where several fit alike: a comma may be that of decimals.
_DELIMITERS = ("\t", ";", "|", ",")
#: How much is looked at to learn the delimiter, in lines and characters, and how many rows for the header.
_LINES, _CHARACTERS, _ROWS = 400, 200_000, 200
_SEPARATOR = re.compile(r'"?sep=(.)"?;*,*[ \t]*\r?$', re.IGNORECASE)
# A quote behind a backslash that neither ends its field nor is one of a pair.
_ESCAPED = re.compile(r'(?<!\\)\\"(?=[^"\r\n,;\t|])')
_SENTENCE = re.compile(r"[.!?…。？！]$")


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file's lines become fields, and how many fields most have. No delimiter: a line is one field."""

    delimiter: str
    quote: str
    width: int
    share: float


class CsvReader(FileReader):
    """A record a row. Fields end at a comma, semicolon, tab or bar, or at what a line `sep=` names."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        yield from numbered(_records(found.text))
        yield from found.notes


def _records(text: str) -> Iterator[dict[str, str] | str | FileNote | None]:
    if _ESCAPED.search(text):
        text = re.sub(r'(?<!\\)\\"', '""', text)
    lines = list(io.StringIO(text, newline=""))
    named = ""
    if lines and (given := _SEPARATOR.match(lines[0].strip("\n"))):
        # An empty line, so that lines keep their numbers.
        named, lines[0] = given.group(1), "\n"
    form = _form(lines, named)
    rows = _rows(lines, form)
    first: list[tuple[int, list[str]]] = []
    for row in rows:
        if any(cell.strip() for cell in row[1]):
            first.append(row)
        if len(first) == _ROWS:
            break
    header = header_of([row for _, row in first], form.width)
    if header.before:
        number = first[header.before][0] if header.names else first[header.before - 1][0] + 1
        yield FileNote(f"What stands before its table, up to line {number - 1:,}, is not indexed.", lost=True)
    for _, row in first[header.before + header.lines :]:
        yield from _record(row, header)
    for _, row in rows:
        yield from _record(row, header)


def _record(row: Sequence[str], header: Header) -> Iterator[dict[str, str] | str | None]:
    cells = [cell.strip() for cell in row]
    if not any(cells) or cells == list(header.written):
        # An empty row, or the header once more, as where files were joined.
        return
    if header.names:
        names = [
            *header.names,
            *(f"column {number}" for number in range(len(header.names) + 1, len(row) + 1)),
        ]
        yield dict(zip(names, cells, strict=False))
        return
    held = [cell for cell in cells if cell]
    sentences = any(_SENTENCE.search(cell) for cell in held if " " in cell)
    yield ("\n" if sentences else ", ").join(held)


# -- delimiter and quotes ---------------------------------------------------------------------------


def _form(lines: Sequence[str], named: str) -> _Form:
    """How the lines become fields: the delimiter by which most of the first ones have as many."""
    sample: list[str] = []
    size = 0
    for line in lines[:_LINES]:
        size += len(line)
        if sample and size > _CHARACTERS:
            break
        sample.append(line)
    if named:
        return _tried(sample, named, '"')[0]
    quotes = ('"', "'") if "'" in "".join(sample) and '"' not in "".join(sample) else ('"',)
    found = [_tried(sample, delimiter, quote) for quote in quotes for delimiter in _DELIMITERS]
    begin = min((first for form, first in found if form.width > 1), default=0)
    # One that the header does not have is within the fields.
    scored = [(form.share - 0.2 * (first > begin), form) for form, first in found if form.width > 1]
    best = max(scored, key=lambda each: each[0], default=None)
    return best[1] if best and best[1].share >= 0.5 else _ragged(found)


def _ragged(found: Sequence[tuple[_Form, int]]) -> _Form:
    """The form of a file whose rows differ: that by which its first row has several fields."""
    first = max((form for form, at in found if at == 0 and form.width > 1), key=_width, default=None)
    return first or _Form("", '"', 1, 1.0)


def _width(form: _Form) -> int:
    return form.width


def _tried(lines: Sequence[str], delimiter: str, quote: str) -> tuple[_Form, int]:
    """The form by this delimiter and quote, and the first row that has several fields."""
    rows = [row for row in _parsed(lines, delimiter, quote) if any(cell.strip() for cell in row)]
    if not rows:
        return _Form(delimiter, quote, 1, 0.0), 0
    widths = Counter(len(row) for row in rows)
    several = {width: count for width, count in widths.items() if width > 1}
    first = next((at for at, row in enumerate(rows) if len(row) > 1), len(rows))
    if not several:
        return _Form(delimiter, quote, 1, 0.0), first
    width = max(several, key=lambda each: (several[each], each))
    share = several[width] / len(rows)
    if share < 0.5 and first == 0:
        width = len(rows[0])
    return _Form(delimiter, quote, width, share), first


def _parsed(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, doublequote=True, skipinitialspace=True)
    try:
        yield from reader
    except csv.Error:
        return


# -- rows -------------------------------------------------------------------------------------------


def _rows(lines: Sequence[str], form: _Form) -> Iterator[tuple[int, list[str]]]:
    """Rows with the numbers of their first lines. A quote that nothing closes spoils only its own line."""
    # Where lines are no fields, they end at what no text holds.
    delimiter = form.delimiter or "\x1f"
    csv.field_size_limit(LONGEST_LINE)
    at = 0
    while at < len(lines):
        rest = (lines[number] for number in range(at, len(lines)))
        reader = csv.reader(
            rest, delimiter=delimiter, quotechar=form.quote, doublequote=True, skipinitialspace=True
        )
        begin, at = at, len(lines)
        taken = 0
        while True:
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error:
                row = []
            start, taken = begin + taken, reader.line_num
            torn = lines[start : begin + taken]
            if not row or (
                len(torn) > 1 and (len(row) != form.width or not _is_strict(torn, delimiter, form.quote))
            ):
                alone = lines[start].strip("\r\n").split(delimiter)
                # The first line of a row that has as many fields as others is a row, and its quote a letter.
                if len(alone) == form.width or (not row and lines[start].strip()):
                    yield start + 1, alone
                    at = start + 1
                    break
            yield start + 1, row


def _is_strict(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Whether every quote in these lines begins or ends a field, or is doubled."""
    try:
        list(csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True))
    except csv.Error:
        return False
    return True
