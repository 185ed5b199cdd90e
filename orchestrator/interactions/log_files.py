"""Read a log of interactions and an item table: S3-Rec's layout, CSV or JSONL.

A folder holds the log as `sequences.txt` (S3-Rec: a line a user, `user item item …` in time order) or
as `interactions.csv` or `.jsonl` (rows of user, item and, if known, timestamp), and the items as
`items.jsonl` or `items.csv`. What is odd about them is mended where the meaning is clear, counted, and
said in `notes`. Users are in the order of their ids, so that nothing depends on the order of the file's
lines but what it says itself: which of a user's rows came first, where they have no time or the same one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.interactions.item_table import LONGEST_CELL, halved, read_items, unlisted
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.text.numbered_lines import lines, objects

#: The files of a folder that can hold the log, the first that is there counts.
LOGS = ("sequences.txt", "interactions.csv", "interactions.jsonl")
TABLES = ("items.jsonl", "items.csv")
LAYOUT = "A folder holds sequences.txt or interactions.csv or .jsonl, and items.jsonl or items.csv."
_USER, _ITEM, _TIME = ("user", "user_id", "userid"), ("item", "item_id", "itemid"), ("timestamp", "time")


@dataclass(frozen=True, slots=True)
class Log:
    """A log of user–item interactions: items, histories in time order, and notes on oddities in the files.

    `unlisted` are the items that only the log names, though there is an item table.
    """

    items: Items
    interactions: Interactions
    notes: tuple[str, ...] = ()
    unlisted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Row:
    user: str
    item: str
    time: float | None
    line: int


#: For each user what was had and when, the oldest first.
_Histories = dict[str, list[tuple[str, float | None]]]


def read_log(path: Path | str) -> Log:
    """The log in a folder, or of one log file with its item table beside it. BadInput if there is none."""
    path = Path(path)
    if path.is_dir():
        file = next((path / name for name in LOGS if (path / name).is_file()), None)
        if file is None:
            raise BadInput(f"{path} holds no log of interactions.", hint=LAYOUT)
        others = [name for name in LOGS if name != file.name and (path / name).is_file()]
    elif path.is_file():
        file, others = path, list[str]()
    else:
        raise BadInput(f"{path} does not exist.", hint=LAYOUT)
    notes: list[str] = [f"{file.name} is read, and not {' and not '.join(others)}."] if others else []
    table = next((file.parent / name for name in TABLES if (file.parent / name).is_file()), None)
    known: list[Item] = read_items(table, notes) if table is not None else []
    if table is None:
        notes.append("There is no item table (items.jsonl or items.csv): items are known by their ids alone.")
    histories = _sequences(file, notes) if file.suffix == ".txt" else _rows(file, notes)
    if not any(histories.values()):
        raise BadInput(f"{file} holds no interaction.", hint="Write one line per user: `user item item …`.")
    return _assembled(known, histories, notes)


def _assembled(known: Sequence[Item], histories: _Histories, notes: list[str]) -> Log:
    import numpy as np

    listed = {item.id for item in known}
    extra = sorted({item for history in histories.values() for item, _ in history} - listed)
    if extra and known:
        notes.append(
            f"{_count(len(extra), 'item')} of the log not in the item table, such as {extra[0]}: "
            "known by interactions alone."
        )
    items = Items.of([*known, *unlisted(extra, known)])
    if known and not items.has_text:
        notes.append("No item has a title or attributes: rankers that read them find nothing.")
    repeats = 0
    rows: list[list[int]] = []
    times: list[float | None] = []
    users = sorted(histories)
    for user in users:
        history = histories[user]
        # The same item again and again says no more of what comes next than once does.
        kept = [had for at, had in enumerate(history) if at == 0 or history[at - 1][0] != had[0]]
        repeats += len(history) - len(kept)
        rows.append([items.numbers[item] for item, _ in kept])
        times += [time for _, time in kept]
    if repeats:
        notes.append(f"{_count(repeats, 'immediate repetition')} of an item in a history ignored.")
    empty = sum(not row for row in rows)
    if empty:
        notes.append(f"{_count(empty, 'user')} without an item.")
    sequences = Sequences.of(rows)
    if times and None not in times:
        sequences = replace(sequences, times=np.asarray(times, dtype=np.float64))
    interactions = Interactions(tuple(users), sequences)
    return Log(items, interactions, tuple(notes), frozenset(extra) if known else frozenset())


def _sequences(file: Path, notes: list[str]) -> _Histories:
    histories: _Histories = {}
    seen: set[str] = set()
    same = continued = 0
    for line in lines(file):
        user, *items = line.text.split()
        if line.text in seen:
            same += 1
            continue
        seen.add(line.text)
        continued += user in histories
        histories.setdefault(user, []).extend((item, None) for item in items)
    if same:
        notes.append(f"{_count(same, 'duplicate row')} left out.")
    if continued:
        notes.append(f"{_count(continued, 'further line')} of a user appended to the first.")
    return histories


def _rows(file: Path, notes: list[str]) -> _Histories:
    unread: dict[str, None] = {}
    read = _csv_rows(file, unread) if file.suffix in (".csv", ".tsv") else _jsonl_rows(file, unread)
    histories: dict[str, list[_Row]] = {}
    seen: set[tuple[str, str, float]] = set()
    same = untimed = timed = 0
    for row in read:
        history = histories.setdefault(row.user, [])
        if row.time is None:
            untimed += 1
        else:
            timed += 1
            key = (row.user, row.item, row.time)
            if key in seen:
                same += 1
                continue
            seen.add(key)
        history.append(row)
    if untimed and timed:
        bare = next(row for history in histories.values() for row in history if row.time is None)
        raise BadInput(
            f"{file}, line {bare.line}: no timestamp, though {timed:,} other rows have one.",
            hint="Give every row a timestamp, or none.",
        )
    if unread:
        columns = f"column{'' if len(unread) == 1 else 's'} {', '.join(unread)}"
        notes.append(f"{columns} of {file.name} not read: every row counts as an interaction.")
    if same:
        notes.append(f"{_count(same, 'duplicate row')} left out.")
    late = 0
    for history in histories.values():
        times = [row.time or 0.0 for row in history]
        late += sum(later < earlier for earlier, later in pairwise(times))
        history.sort(key=lambda row: row.time or 0.0)
    if late:
        notes.append(f"{_count(late, 'row')} out of time order sorted in.")
    return {user: [(row.item, row.time) for row in history] for user, history in histories.items()}


def _csv_rows(file: Path, unread: dict[str, None]) -> Iterator[_Row]:
    """The rows, and in `unread` the columns that say nothing here."""
    csv.field_size_limit(LONGEST_CELL)
    delimiter = "\t" if file.suffix == ".tsv" else ","
    reader = csv.reader((f"{line.text}\n" for line in lines(file)), delimiter=delimiter)
    first = next(reader, list[str]())
    header = [cell.strip().lower() for cell in first]
    user, item, time = (_column(header, names) for names in (_USER, _ITEM, _TIME))
    if user is None or item is None:
        raise BadInput(
            f"{file} has the columns {', '.join(header) or 'none'}.",
            hint="Its first line names user, item and, if known, timestamp.",
        )
    unread.update(dict.fromkeys(name for at, name in enumerate(header) if at not in (user, item, time)))
    for cells in _whole(file, reader):
        if not cells:
            continue
        if len(cells) != len(header):
            raise BadInput(
                f"{file}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns.",
                hint="Correct that line.",
            )
        when = cells[time].strip() if time is not None else ""
        yield _row(file, reader.line_num, cells[user], cells[item], when)


def _whole(file: Path, reader: Any) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise BadInput(
            f"{file}, line {reader.line_num}: {error}.", hint="Is a quotation mark never closed?"
        ) from None


def _jsonl_rows(file: Path, unread: dict[str, None]) -> Iterator[_Row]:
    """The rows, and in `unread` the fields that say nothing here."""
    for line, value in objects(file):
        given: dict[str, Any] = {}
        own: set[str | None] = set()
        for kind, names in (("user", _USER), ("item", _ITEM), ("time", _TIME)):
            name = next((one for one in names if value.get(one) is not None), None)
            given[kind] = "" if name is None else value[name]
            own.add(name)
        unread.update(
            dict.fromkeys(name for name, said in value.items() if name not in own and said is not None)
        )
        yield _row(file, line.number, given["user"], given["item"], given["time"])


def _row(file: Path, line: int, user: Any, item: Any, time: Any) -> _Row:
    user, item = str(user).strip(), str(item).strip()
    if not user or not item:
        raise BadInput(f"{file}, line {line}: no {'item' if user else 'user'}.", hint="Correct that line.")
    if halved(user) or halved(item):
        raise BadInput(
            f"{file}, line {line}: {user if halved(user) else item!r} has half a character.",
            hint="Correct that line.",
        )
    return _Row(user, item, _seconds(file, line, time), line)


def _seconds(file: Path, line: int, time: Any) -> float | None:
    if time == "":
        return None
    try:
        seconds = float(time)
        if seconds - seconds == 0:
            return seconds
    except (TypeError, ValueError):
        try:
            return datetime.fromisoformat(str(time)).timestamp()
        except ValueError:
            pass
    raise BadInput(
        f"{file}, line {line}: the timestamp {time!r} is neither seconds nor an ISO date.",
        hint="Correct that line.",
    )


def _column(header: Sequence[str], names: Iterable[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
