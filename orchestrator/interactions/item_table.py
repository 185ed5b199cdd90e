"""Read an item table: JSONL or CSV, one item a row.

`_id` (or `id`, `item`) and `title` (or `name`) are what they say; `tenant` and `labels` decide who may
see the item; every other field is an attribute, and a list is several.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item
from orchestrator.text.numbered_lines import lines, objects
from orchestrator.types import DEFAULT_TENANT, PUBLIC

_ID, _TITLE = ("_id", "id", "item", "item_id"), ("title", "name")
_OWN = frozenset({*_ID, *_TITLE, "tenant", "labels"})
#: Characters of a cell: a quotation mark that is never closed would take in the rest of the file. The limit
#: is the whole process's, and others raise it, so that it is set where a file is read.
LONGEST_CELL = 128 << 10
#: What tables write where they know nothing.
_NOTHING = frozenset({"", "unknown", "none", "null", "nan", "n/a"})


def read_items(file: Path, notes: list[str]) -> list[Item]:
    """The items of a table; what is odd is counted in `notes`. BadInput names the line that is wrong."""
    items: list[Item] = []
    seen: set[str] = set()
    again = 0
    for line, row in _rows(file):
        item = _item(file, line, row)
        if item.id in seen:
            again += 1
            continue
        seen.add(item.id)
        items.append(item)
    if not items:
        raise BadInput(
            f"{file} holds no item.", hint='Write one item per line: `{"_id": "1", "title": "…"}`.'
        )
    if again:
        notes.append(f"{again:,} further row{'' if again == 1 else 's'} of an item in {file.name} left out.")
    bare = sum(not item.text for item in items)
    if 0 < bare < len(items):
        notes.append(f"{bare:,} of {len(items):,} items have neither a title nor attributes.")
    return items


def unlisted(ids: Iterable[str], known: Sequence[Item]) -> list[Item]:
    """Items that are in the log but not in the item table. If the table restricts items, they are hidden."""
    restricted = any(item.labels != (PUBLIC,) or item.tenant != DEFAULT_TENANT for item in known)
    return [Item(one, labels=() if restricted else (PUBLIC,)) for one in ids]


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if file.suffix == ".jsonl":
        yield from ((line.number, row) for line, row in objects(file))
        return
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.DictReader(f"{line.text}\n" for line in lines(file))
    try:
        for row in reader:
            yield (
                reader.line_num,
                {(name or "").strip().lower(): value for name, value in row.items() if name},
            )
    except csv.Error as error:
        raise BadInput(
            f"{file}, line {reader.line_num}: {error}.", hint="Is a quotation mark never closed?"
        ) from None


def _item(file: Path, line: int, row: Mapping[str, Any]) -> Item:
    given = next((row[name] for name in _ID if row.get(name) is not None), None)
    if given is None or isinstance(given, (dict, list)) or not str(given).strip():
        raise BadInput(f"{file}, line {line}: the item has no _id.", hint="Give every item one.")
    if halved(str(given)):
        raise BadInput(
            f"{file}, line {line}: the _id {given!r} has half a character.", hint="Correct that line."
        )
    title = next((row[name] for name in _TITLE if row.get(name) is not None), "")
    attributes: dict[tuple[str, str], None] = {}
    for field, value in row.items():
        if field in _OWN:
            continue
        for one in _values(value):
            if one.casefold() not in _NOTHING:
                attributes[(field, one)] = None
    labels = row.get("labels")
    return Item(
        id=str(given).strip(),
        title=" ".join(_values(title)),
        attributes=tuple(attributes),
        tenant=str(row.get("tenant") or DEFAULT_TENANT),
        labels=(PUBLIC,) if labels is None else tuple(sorted(_labels(labels))),
    )


def _values(value: Any) -> list[str]:
    """The texts in a field: itself, or those of a list; nested ones are taken apart two levels deep."""
    if isinstance(value, list):
        return [text for one in cast("list[Any]", value) for text in _flat(one)]
    return _flat(value)


def _flat(value: Any) -> list[str]:
    if isinstance(value, list):
        value = " ".join(str(one) for one in cast("list[Any]", value))
    if value is None or isinstance(value, dict):
        return []
    text = " ".join(str(value).split())
    if halved(text):
        # Text can do without it; written or sent it would be an error.
        text = text.encode("utf-8", "replace").decode()
    return [text] if text else []


def halved(text: str) -> bool:
    """Whether it has half a character, which JSON can hold and no file or answer can."""
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)


def _labels(value: Any) -> set[str]:
    # In a CSV cell labels are separated by commas, as on the command line.
    parts = cast("list[Any]", value) if isinstance(value, list) else str(value).split(",")
    return {label for one in parts if (label := str(one).strip())}
