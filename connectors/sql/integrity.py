"""What SQLite itself knows to be wrong with its file."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text


def sqlite_faults(connection: Connection, *, thorough: bool) -> Iterator[str]:
    """What SQLite says is wrong with its file; `thorough` compares its indexes with the rows, too."""
    check = "integrity_check" if thorough else "quick_check"
    told = [str(row[0]) for row in connection.execute(text(f"PRAGMA {check}(10)"))]
    if told != ["ok"]:
        yield f"The database is damaged: {' '.join(told[0].split())} ({len(told)} faults or more)."
        return
    for row in connection.execute(text("PRAGMA foreign_key_check")):
        yield f"A row of the table {row[0]} belongs to a row of {row[2]} that is not there."
