"""What benchmarks share: arguments, the machine line, times, tables, and a block of RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"


class Arguments(argparse.ArgumentParser):
    """A command line whose help is the module's docstring.

    With `data` it takes `--data DIR`, by default ORCHESTRATOR_DATA, and refuses to go on without one. With
    `home` it takes `--home DIR`, where what can be used again is kept: by default `.cache/<home>`. With
    `record` it takes `--record`, which puts what was measured into its block of RESULTS.md.
    """

    def __init__(self, doc: str | None, *, data: bool = False, home: str = "", record: bool = False) -> None:
        super().__init__(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        self._needs_data = data
        if data:
            given = os.environ.get("ORCHESTRATOR_DATA")
            self.add_argument("--data", type=Path, default=Path(given) if given else None, metavar="DIR")
        if home:
            self.add_argument("--home", type=Path, default=FOLDER / ".cache" / home, metavar="DIR")
        if record:
            self.add_argument("--record", action="store_true", help="put the table into RESULTS.md")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments; the program ends with a message where the data are missing."""
        parsed = super().parse_args(args, namespace)
        if self._needs_data and parsed.data is None:
            self.error("give --data DIR, or set ORCHESTRATOR_DATA")
        return parsed


def versions(*distributions: str) -> dict[str, str]:
    """The version of Python and of each distribution; "absent" of one that is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in distributions}}


def machine(*distributions: str, **others: str) -> str:
    """One line to quote beside figures: versions, cores, load. `others` are versions found elsewhere."""
    named = ", ".join(f"{name} {found}" for name, found in {**versions(*distributions), **others}.items())
    return f"{named}; {os.cpu_count()} cores, load average {os.getloadavg()[1]:.1f}"


def median(call: Callable[[], object], times: int) -> float:
    """Seconds of the middle one of `times` calls, after one that is not counted."""
    call()
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in (headings, *rows)]
    lines.insert(1, "|---" * len(headings) + "|")
    return "\n".join(lines)


def record(topic: str, text: str, file: Path = RESULTS) -> None:
    """Put `text` between the marks of `topic` in RESULTS.md, which must be there."""
    begin, end = f"<!-- {topic} -->", f"<!-- /{topic} -->"
    page = file.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not marked.search(page):
        raise SystemExit(f"{file.name} has no block {begin} … {end}.")
    file.write_text(marked.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", page), encoding="utf-8")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
