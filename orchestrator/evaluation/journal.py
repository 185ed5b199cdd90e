"""The journal of an experiment: finished outcomes, so that a stopped experiment can be resumed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.graph.workflow import Workflow
from orchestrator.types import Hit, Hits

#: Raised whenever a line is written in another way: older journals are then not read.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one arm on one query: its ranking, latency, usage and errors.

    `hits` are passages, as they are kept, or later their documents, when `unread` counts the passages
    of no document. `seconds` is what the run takes alone; `error` says why there are no hits.
    """

    query: str
    hits: Hits = field(default_factory=Hits)
    seconds: float = 0.0
    calls: int = 0
    tokens: int = 0
    degraded: tuple[str, ...] = ()
    error: str | None = None
    unread: int = 0


class Journal:
    """The outcomes of one arm by query, also written to a file, one line each, if there is one.

    A line that a kill cut short is dropped. Outcomes with an error are not read back, so that a later
    attempt asks these queries again.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._path = path
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes() if path.is_file() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            outcome = _read(line)
            if outcome is not None and outcome.error is None:
                self.outcomes.setdefault(outcome.query, outcome)
        with path.open("ab") as file:
            file.truncate(len(whole))

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome; in a file it survives the end of the process."""
        self.outcomes[outcome.query] = outcome
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(_written(outcome))

    def end(self) -> None:
        """Delete the file of a finished experiment."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def journal_file(folder: Path, arm: Workflow, identity: Iterable[str]) -> Path:
    """Where the journal of an arm lies: by what its outcomes depend on, which code is a part of."""
    digest = hashlib.sha256(f"{FORMAT} {arm.fingerprint} {arm.outputs!r}".encode())
    for part in identity:
        digest.update(f"\0{part}".encode())
    name = re.sub(r"[^\w.-]+", "-", arm.name)[:80]
    return folder / f"{name}-{digest.hexdigest()[:16]}.jsonl"


def _written(outcome: Outcome) -> bytes:
    entry = {
        "query": outcome.query,
        "hits": [[hit.id, hit.score] for hit in outcome.hits],
        "seconds": outcome.seconds,
        "calls": outcome.calls,
        "tokens": outcome.tokens,
        "degraded": outcome.degraded,
        "error": outcome.error,
    }
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> Outcome | None:
    try:
        entry: Mapping[str, Any] = json.loads(line)
        return Outcome(
            entry["query"],
            Hits(tuple(Hit(name, score) for name, score in entry["hits"])),
            entry["seconds"],
            entry["calls"],
            entry["tokens"],
            tuple(entry["degraded"]),
            entry["error"],
        )
    except (ValueError, KeyError, TypeError):
        # Bytes that a crash of the machine left: the query is asked again.
        return None
