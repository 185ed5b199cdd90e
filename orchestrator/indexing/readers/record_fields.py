"""Records as documents: which fields name a document, which are its text, and how the others are read.

The first field of each of these that a record has is its id, title and text. All other fields are searched
and quoted as well: a line `name: value` each, below the text. They are metadata too, nested ones under dotted
names. A record without an id is named by its number. A record of the BEIR layout is its title and text alone:
what a test collection says beside them is no part of its documents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileNote, limited
from orchestrator.indexing.tool_records import DESCRIPTION, KIND, TOOL, USAGE

ID_FIELDS = ("_id", "id", "doc_id", "docid", "document_id", "uid", "key")
TITLE_FIELDS = ("title", "name", "headline", "heading", "subject")
TEXT_FIELDS = ("text", "contents", "content", "body", "passage", "abstract", "description", "summary")

#: The longest line of a file of JSON lines, and the longest field of delimited text, in bytes.
LONGEST_LINE = 10 * 2**20
#: Metadata beyond these is not kept: it is for filters, not for reading.
LONGEST_VALUE, MOST_FIELDS, DEEPEST = 1000, 100, 8

_BEIR = frozenset(("_id", "title", "text", "metadata"))
# An id that nobody would ask for: a number of a row, a UUID, a hash.
_OPAQUE = re.compile(r"\d{1,4}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{20,}", re.IGNORECASE)

Scalar = str | int | float | bool


def numbered(records: Iterator[Any]) -> Iterator[FileDocument | FileNote]:
    """Documents of records, and the notes among them; the second of an id is told apart by its count.

    None stands for a record that cannot be read: it counts.
    """
    seen: dict[str, int] = {}
    number = 0
    for record in records:
        if isinstance(record, FileNote):
            yield record
            continue
        number += 1
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


def record_document(record: Any, number: int) -> FileDocument | None:
    """One record as a document; None if it holds no text."""
    if not isinstance(record, dict):
        return _document(str(number), "", _plain(record), {}) if record not in (None, "", [], {}) else None
    fields = cast("dict[str, Any]", record)
    identifier = _first(fields, ID_FIELDS)
    title, text = _first(fields, TITLE_FIELDS), _first(fields, TEXT_FIELDS)
    used = {identifier[0], title[0], text[0]}
    others = {name: value for name, value in fields.items() if name not in used}
    content = text[1]
    if not (text[0] and _is_text_alone(fields)):
        lines = list(_lines(others))
        if (
            identifier[0] not in ("", "_id")
            and not _OPAQUE.fullmatch(identifier[1])
            and (lines or not identifier[1].isdigit())
        ):
            lines.insert(0, f"{identifier[0]}: {identifier[1]}")
        content = "\n\n".join(filter(None, (content, "\n".join(lines))))
    if not content.strip():
        # A title alone can still be found.
        content = title[1]
    if not content.strip():
        return None
    return _document(identifier[1] or str(number), title[1], content, dict(_flat(others)))


def _is_text_alone(fields: Mapping[str, Any]) -> bool:
    """Whether what stands beside the text is metadata to filter by: BEIR's layout, and records of tools."""
    if fields.get(KIND) in (DESCRIPTION, USAGE):
        return fields.keys() <= {*_BEIR, KIND, TOOL}
    return fields.keys() <= _BEIR


def _document(identifier: str, title: str, text: str, metadata: Mapping[str, Scalar]) -> FileDocument:
    limited(text, f"Record {identifier!r}")
    kept = {
        name: value[:LONGEST_VALUE] if isinstance(value, str) else value
        for name, value in list(metadata.items())[:MOST_FIELDS]
    }
    return FileDocument(identifier, text, {**kept, "title": title})


def _lines(fields: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Fields as lines `name: value`; a list of objects has a line for each of them."""
    for name, value in _flattened(fields, before, 0):
        items = cast("list[Any]", value) if isinstance(value, list) else []
        if len(items) > 1 and all(isinstance(item, dict) for item in items):
            yield from (f"{name}: {text}" for item in items if (text := _plain(item).strip()))
        elif text := _plain(value).strip():
            yield f"{name}: {text}"


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


def _flattened(fields: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flattened(cast("dict[str, Any]", value), f"{before}{name}.", depth + 1)
        else:
            yield f"{before}{name}", value


def _flat(fields: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """Scalars by dotted name; lists as text. What a store cannot hold is left out."""
    for name, value in _flattened(fields, "", 0):
        if isinstance(value, bool):
            yield name, value
        elif isinstance(value, int):
            # Stores hold integers of 64 bits.
            yield name, value if abs(value) < 2**63 else str(value)
        elif isinstance(value, float):
            if math.isfinite(value):
                yield name, value
        elif text := _plain(value):
            yield name, text
