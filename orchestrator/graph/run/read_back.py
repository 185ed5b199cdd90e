"""What a kept run gave, as somebody who reads it back may see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.graph.channel import type_name
from orchestrator.graph.serialise import load
from orchestrator.ports import RunRecord
from orchestrator.types import Principal
from orchestrator.values import readable_by


@dataclass(frozen=True, slots=True)
class ReadableOutput:
    """The output of a run in plain JSON. `withheld` counts what its reader may not read any more."""

    type: str
    value: Any
    withheld: int = 0


def readable_output(record: RunRecord, types: Iterable[Any], reader: Principal) -> ReadableOutput | None:
    """The output of a run, as the store gave it to `reader`, and as its own type lets them see it.

    `types` are those that it may be of. One of another type that said whom it is for is withheld, since
    nobody can ask it any more. None if the run gave nothing.
    """
    if record.output is None:
        return None
    name, value = record.output["type"], record.output["value"]
    withheld = int(record.output.get("withheld", 0))
    # The store has withheld what rests on passages that are closed.
    if withheld or value is None:
        return ReadableOutput(name, value, withheld)
    known = next((each for each in types if type_name(each) == name), None)
    closed = record.output.get("restricted", False) if known is None else not _open(value, known, reader)
    return ReadableOutput(name, None, 1) if closed else ReadableOutput(name, value)


def _open(value: Any, tp: Any, reader: Principal) -> bool:
    return readable_by(load(value, tp), reader)
