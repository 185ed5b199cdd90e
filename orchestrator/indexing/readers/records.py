"""Files of records, one document each: JSON, JSON lines (BEIR's corpora among them) and CSV.

The first field of each of these that a record has is its id, title and text; a record without any
text field is read whole, a line `field: value` each. Other fields become metadata, nested ones under
dotted names. A record without an id is named by its number.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, cast

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileReader, decoded, limited

ID_FIELDS = ("_id", "id", "doc_id", "docid", "document_id", "uid", "key")
TITLE_FIELDS = ("title", "name", "headline", "heading", "subject")
TEXT_FIELDS = ("text", "contents", "content", "body", "passage", "abstract", "description", "summary")

#: The longest line of a file of JSON lines, in bytes.
LONGEST_LINE = 10 * 2**20
#: Metadata beyond these is not kept: it is for filters, not for reading.
LONGEST_VALUE, MOST_FIELDS, DEEPEST = 1000, 100, 8

Scalar = str | int | float | bool


class JsonLinesReader(FileReader):
    """A record a line."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            data = decoded(data).encode()
        return _numbered(self._records(data.removeprefix(b"\xef\xbb\xbf")))

    @staticmethod
    def _records(data: bytes) -> Iterator[Any]:
        for number, line in enumerate(io.BytesIO(data), 1):
            if len(line) > LONGEST_LINE:
                raise UnreadableFile(
                    f"Line {number:,} holds {len(line) / 2**20:,.0f} MB, more than "
                    f"{LONGEST_LINE / 2**20:,.0f} MB; is it one record a line?"
                )
            if line := line.strip():
                yield _parsed(line, f"Line {number:,}")


class JsonReader(FileReader):
    """A list of records, or an object whose only list of objects is; any other value is one document."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        value = _parsed(decoded(data).encode(), "It")
        if isinstance(value, dict):
            value = _list_within(cast("dict[str, Any]", value)) or [value]
        yield from _numbered(iter(cast("list[Any]", value) if isinstance(value, list) else [value]))


class CsvReader(FileReader):
    """A record a row; the first row names the fields. Fields end at a comma, semicolon, tab or bar."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        text = decoded(data)
        csv.field_size_limit(LONGEST_LINE)
        try:
            dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
        except csv.Error:
            dialect = csv.excel
        try:
            yield from _numbered(self._rows(csv.reader(io.StringIO(text, newline=""), dialect)))
        except csv.Error as error:
            raise UnreadableFile(f"It is not valid CSV: {error}.") from error

    @staticmethod
    def _rows(rows: Iterator[list[str]]) -> Iterator[dict[str, str]]:
        first = next(rows, None) or []
        header = [name.strip() or f"column {number}" for number, name in enumerate(first, 1)]
        for row in rows:
            names = header + [f"column {number}" for number in range(len(header) + 1, len(row) + 1)]
            if any(row):
                yield dict(zip(names, row, strict=False))


def record_document(record: Any, number: int) -> FileDocument | None:
    """One record as a document; None if it holds no text."""
    if not isinstance(record, dict):
        return _document(str(number), "", _plain(record), {}) if record not in (None, "", [], {}) else None
    fields = cast("dict[str, Any]", record)
    identifier = _first(fields, ID_FIELDS)
    title, text = _first(fields, TITLE_FIELDS), _first(fields, TEXT_FIELDS)
    used = {name for name, _ in (identifier, title, text)}
    others = {name: value for name, value in fields.items() if name not in used}
    flat = dict(_flat(others))
    content = text[1]
    if not text[0]:
        content = "\n".join(f"{name}: {value}" for name, value in flat.items())
    if not content.strip():
        # A title alone can still be found.
        content = title[1]
    if not content.strip():
        return None
    return _document(identifier[1] or str(number), title[1], content, flat)


def _document(identifier: str, title: str, text: str, metadata: Mapping[str, Scalar]) -> FileDocument:
    limited(text, f"record {identifier!r}")
    kept = {
        name: value[:LONGEST_VALUE] if isinstance(value, str) else value
        for name, value in list(metadata.items())[:MOST_FIELDS]
    }
    return FileDocument(identifier, text, {**kept, "title": title})


def _numbered(records: Iterator[Any]) -> Iterator[FileDocument]:
    """Documents of records; the second of an id is told apart by its count."""
    seen: dict[str, int] = {}
    for number, record in enumerate(records, 1):
        document = record_document(record, number)
        if document is None:
            continue
        identifier = document.id
        count = seen[identifier] = seen.get(identifier, 0) + 1
        if count > 1:
            document = replace(document, id=f"{identifier}~{count}")
            seen[document.id] = 1
        yield document
    if not seen:
        raise UnreadableFile("It holds no record with text.")


def _parsed(data: bytes, what: str) -> Any:
    try:
        return json.loads(data)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"{what}, byte {error.start:,} (0x{data[error.start]:02x}) is not UTF-8; save it as UTF-8."
        ) from error
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"{what} is not valid JSON: {error.msg} at column {error.colno:,}.") from error
    except RecursionError as error:
        raise UnreadableFile(f"{what} is not usable JSON: it is nested too deep; flatten it.") from error
    except ValueError as error:  # a number of thousands of digits
        raise UnreadableFile(f"{what} is not valid JSON: {error}.") from error


def _list_within(value: dict[str, Any]) -> list[Any] | None:
    """The list of records that an object wraps, as in `{"data": [...]}`."""
    if any(name in value for name in TEXT_FIELDS if isinstance(value.get(name), str)):
        return None
    lists = [
        cast("list[Any]", item)
        for item in value.values()
        if isinstance(item, list) and item and all(isinstance(each, dict) for each in cast("list[Any]", item))
    ]
    return lists[0] if len(lists) == 1 else None


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    """The name and text of the first of these fields that holds any, whatever its case."""
    by_name = {name.casefold(): name for name in reversed(fields)}
    for name in names:
        given = by_name.get(name)
        if given is not None and (text := _plain(fields[given]).strip()):
            return given, text
    return "", ""


def _plain(value: Any, depth: int = 0) -> str:
    """A value as text: lists joined by commas, objects as `name: value`."""
    if value is None or depth > DEEPEST:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(filter(None, (_plain(item, depth + 1) for item in cast("list[Any]", value))))
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name}: {_plain(item, depth + 1)}" for name, item in items)
    return str(value)


def _flat(fields: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Scalar]]:
    """Scalars by dotted name; lists as text. What a store cannot hold is left out."""
    for name, value in fields.items():
        name = f"{before}{name}"
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(cast("dict[str, Any]", value), f"{name}.", depth + 1)
        elif isinstance(value, bool):
            yield name, value
        elif isinstance(value, int):
            # Stores hold integers of 64 bits.
            yield name, value if abs(value) < 2**63 else str(value)
        elif isinstance(value, float):
            if math.isfinite(value):
                yield name, value
        elif text := _plain(value):
            yield name, text
