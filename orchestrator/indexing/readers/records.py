"""Files of records in JSON, one document each: JSON, and JSON lines (BEIR's corpora among them).

What becomes of a record's fields: `orchestrator.indexing.readers.record_fields`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, cast

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.encoding import decoded
from orchestrator.indexing.readers.file import FileDocument, FileNote, FileReader
from orchestrator.indexing.readers.record_fields import (
    DEEPEST,
    ID_FIELDS,
    LONGEST_LINE,
    TEXT_FIELDS,
    TITLE_FIELDS,
    numbered,
)
from orchestrator.indexing.readers.table_header import unique_names

#: How many bad lines are named; the others are counted.
_NAMED = 10
#: So many records are no items of one record.
_MANY = 20


class JsonLinesReader(FileReader):
    """A record a line. A line that is no record is left out and named."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        yield from numbered(_by_line(found.text))
        yield from found.notes


class JsonReader(FileReader):
    """A list of records, or an object around one; any other value is one document. Also JSON lines."""

    records: ClassVar[bool] = True

    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote]:
        found = decoded(data)
        try:
            value = _parsed(found.text, "It")
        except UnreadableFile:
            if not _is_lines(found.text):
                raise
            yield from numbered(_by_line(found.text))
        else:
            yield from numbered(iter(_records(value)))
        yield from found.notes


def _by_line(text: str) -> Iterator[Any]:
    """The records of lines, and a note on each that is none."""
    if text.lstrip()[:1] == "[" and (whole := _whole(text)) is not None:
        # A list of records under the name of lines.
        yield from whole
        return
    bad: list[str] = []
    good = 0
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not (line := line.strip()):
            continue
        what = f"Line {number:,}"
        try:
            if len(line) > LONGEST_LINE:
                raise UnreadableFile(
                    f"{what} holds {len(line) / 2**20:,.0f} MB, more than "
                    f"{LONGEST_LINE / 2**20:,.0f} MB; is it one record a line?"
                )
            yield _parsed(line, what)
            good += 1
        except UnreadableFile as error:
            bad.append(error.message)
            # It counts: the records behind it keep their numbers when it is mended.
            yield None
    if bad and not good:
        if (whole := _whole(text)) is None:
            raise UnreadableFile(bad[0])
        yield from whole
        return
    yield from (FileNote(f"{message.rstrip('.')}; left out.", lost=True) for message in bad[:_NAMED])
    if len(bad) > _NAMED:
        yield FileNote(f"{len(bad) - _NAMED:,} more lines are no records; left out.", lost=True)


def _whole(text: str) -> list[Any] | None:
    """The records of a file that is one value in JSON, over however many lines; None if it is none."""
    first = text.strip().partition("\n")[0]
    try:
        if len(first) > LONGEST_LINE or not isinstance(_parsed(first, "It"), dict | list):
            return None
    except UnreadableFile:
        pass
    else:
        if "\n" in text.strip():
            return None
    try:
        return _records(_parsed(text, "It"))
    except UnreadableFile:
        return None


def _is_lines(text: str) -> bool:
    """Whether a text that is no JSON begins with a line that is an object, and has more lines."""
    first, _, rest = text.strip().partition("\n")
    if not rest or not first.startswith("{"):
        return False
    try:
        return isinstance(_parsed(first, "It"), dict)
    except UnreadableFile:
        return False


def _records(value: Any) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return (_wrapped(cast("dict[str, Any]", value)) or [value]) if isinstance(value, dict) else [value]


def _wrapped(value: dict[str, Any]) -> list[Any] | None:
    """The records within an object, as in `{"data": [...]}` or `{"A-1": {...}, "A-2": {...}}`, if it is none.

    What stands beside a list in words is a record of its own.
    """
    if any(name in value for name in TEXT_FIELDS if isinstance(value.get(name), str)):
        return None
    if records := _by_key(value):
        return records
    lists = list(_lists(value, ()))
    if len(lists) != 1:
        return None
    path, records = lists[0]
    beside = _without(value, path)
    if len(records) < _MANY and _is_record(beside):
        return None
    return [*records, beside] if _says_something(beside) else records


def _by_key(value: dict[str, Any]) -> list[Any] | None:
    """Records by their keys: several objects that have most of their fields in common."""
    if len(value) < 2 or not all(isinstance(each, dict) for each in value.values()):
        return None
    objects = cast("dict[str, dict[str, Any]]", value)
    common = set[str].intersection(*(set(each) for each in objects.values()))
    if len(common) < 2 or any(len(common) < 0.5 * len(each) for each in objects.values()):
        return None
    return [{"key": key, **each} for key, each in objects.items()]


def _lists(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The lists of objects within an object, with the names that lead to them."""
    for name, item in value.items():
        if isinstance(item, list) and item:
            items = cast("list[Any]", item)
            if all(isinstance(each, dict) for each in items):
                yield (*path, name), items
        elif isinstance(item, dict) and len(path) < DEEPEST:
            yield from _lists(cast("dict[str, Any]", item), (*path, name))


def _without(value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = path
    kept = {key: item for key, item in value.items() if key != name}
    if rest and (inner := _without(cast("dict[str, Any]", value[name]), tuple(rest))):
        kept[name] = inner
    return kept


def _is_record(value: dict[str, Any]) -> bool:
    """Whether what stands beside a list is a record that the list is a field of, as the items of an order."""
    names = {name.casefold() for name in value}
    named = any(name in names for name in (*ID_FIELDS, *TITLE_FIELDS))
    return named or any(isinstance(each, dict) and _holds_text(each) for each in value.values())


def _holds_text(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_text, cast("dict[str, Any]", value).values()))
    return isinstance(value, str) and any(map(str.isalpha, value))


def _says_something(value: Any) -> bool:
    """Whether there is a text of several words in it."""
    if isinstance(value, dict):
        return any(map(_says_something, cast("dict[str, Any]", value).values()))
    return isinstance(value, str) and " " in value.strip()


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, " if error.lineno > 1 else ""
        raise UnreadableFile(
            f"{what} is not valid JSON: {error.msg} at {where}column {error.colno:,}."
        ) from error
    except RecursionError as error:
        raise UnreadableFile(f"{what} is not usable JSON: it is nested too deep; flatten it.") from error
    except ValueError as error:  # a number of thousands of digits
        raise UnreadableFile(f"{what} is not valid JSON: {error}.") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object with all of its fields, also those of one name."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    return dict(zip(unique_names([name for name, _ in pairs]), (value for _, value in pairs), strict=True))
