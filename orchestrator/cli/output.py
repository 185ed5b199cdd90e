"""Output of commands: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

# Everything that could move a terminal's cursor or change its state: indexed text may hold any of it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text that a terminal shows as it is, without obeying it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(f"{plain(text)}\n")


def note(text: str) -> None:
    """A line beside the result."""
    sys.stderr.write(f"{plain(text)}\n")


def say_json(value: Any) -> None:
    """The result as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not _unicode(), default=str) + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows in columns, as wide as they need to be; numbers to the right."""
    body = [[plain(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    numeric = [all(row[at].replace(",", "").isdigit() for row in body) for at in range(len(header))]
    widths = [max(len(row[at]) for row in [list(header), *body]) for at in range(len(header))]
    for row in [list(header), *body]:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


@contextmanager
def progress(title: str) -> Generator[Callable[[int, int, str], None]]:
    """A bar on stderr: call with what is done, what there is, and what is being done.

    Silent when stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda done, total, doing: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def moved(done: int, total: int, doing: str) -> None:
            described = f"{title} {escape(plain(doing))}".rstrip()
            bar.update(task, completed=done, total=total, description=described)

        yield moved


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
