"""The lines of a text file, numbered, so that a fault can be named by its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

from orchestrator.errors import BadInput

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What no id can have in it: it would end a field or a line of a run, or be lost on the way.
UNWRITABLE = frozenset("\t\n\r\0")


class Line(NamedTuple):
    """A line without its end, and where it stands."""

    path: Path
    number: int
    text: str

    def fault(self, problem: str, hint: str = "") -> NoReturn:
        """Refuse the file for this line."""
        raise BadInput(f"{self.path} line {self.number}: {problem}.", hint=hint)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a UTF-8 file that are not blank; a name that ends in .gz is decompressed."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, data in enumerate(file, 1):
                try:
                    text = data.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").decode()
                except UnicodeDecodeError as error:
                    raise BadInput(
                        f"{path} line {number}: byte {error.start} is not UTF-8.", hint="Save it as UTF-8."
                    ) from None
                if text.strip():
                    yield Line(path, number, text.rstrip("\r\n"))
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
    except IsADirectoryError:
        raise BadInput(f"{path} is a folder.", hint="Name a file.") from None
    except (OSError, EOFError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", hint="Check the file.") from None


def objects(path: Path) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The JSON objects of a file that has one a line."""
    for line in lines(path):
        try:
            value = json.loads(line.text)
        except (ValueError, RecursionError) as error:
            line.fault(f"is not JSON ({error})", "Write one JSON object a line.")
        if not isinstance(value, dict):
            line.fault(f"is a JSON {type(value).__name__}, not an object", "Write one JSON object a line.")
        yield line, cast("dict[str, Any]", value)


def identifier(line: Line, value: Any, what: str) -> str:
    """An id, as text without blanks around it; refused if the files of a run could not hold it."""
    if not isinstance(value, str) and type(value) is not int:
        line.fault(f"has no usable {what} (found {value!r})", "Give it a string.")
    name = str(value).strip()
    if not name or any(mark in UNWRITABLE or "\ud800" <= mark <= "\udfff" for mark in name):
        line.fault(f"has the {what} {name!r}, which is empty or has a tab, line break or half a character")
    return name


def wording(line: Line, entry: dict[str, Any], field: str, *, required: bool = False) -> str:
    """A text field of an object; missing is empty, unless it is required."""
    value = entry.get(field)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        found = "is missing" if value is None else f"is a {type(value).__name__}"
        line.fault(f"{field!r} {found}, and a string was expected")
    return value
