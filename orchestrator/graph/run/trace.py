"""Values as a trace keeps them: ids, counts and lengths, never the text of a passage."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, cast

from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.ports import StepRecord
from orchestrator.types import TRACED_IDS
from orchestrator.values import Traced, is_traced

log = logging.getLogger("orchestrator.graph.run.trace")
#: How many levels of tuples and dataclasses within each other a trace tells.
_LEVELS = 8


def step_record(trace: StepTrace) -> StepRecord:
    """One step of a trace, ready to be kept."""
    return StepRecord(
        path=trace.path,
        started=round(trace.started, 6),
        seconds=round(trace.seconds, 6),
        reads={name: summary(value) for name, value in trace.reads.items()},
        writes={name: summary(value) for name, value in {**trace.notes, **trace.writes}.items()},
        usage=trace.usage,
        cached=trace.cached,
        attempts=trace.attempts,
        error=trace.error,
    )


def summary(value: Any, levels: int = _LEVELS) -> Any:
    """A value by its ids and sizes, and what it holds, some levels deep."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return {"characters": len(value)}
        case type():
            return {"type": "type"}
        case _ if is_traced(value):
            return _said(value)
        case tuple() if levels:
            items = cast("tuple[Any, ...]", value)
            return [summary(item, levels - 1) for item in items[:TRACED_IDS]]
        case Mapping():
            return {"entries": len(cast("Mapping[Any, Any]", value))}
        case _:
            pass
    if dataclasses.is_dataclass(value) and levels:
        held = ((spec.name, getattr(value, spec.name)) for spec in dataclasses.fields(value))
        fields = {name: summary(part, levels - 1) for name, part in held}
        return {"type": type(value).__name__, **fields}
    return {"type": type(value).__name__}


def _said(value: Traced) -> Any:
    """What a value says of itself; its type alone if it fails to, since no run may fail by its trace."""
    try:
        return value.trace()
    except Exception as error:
        log.warning("A %s has no trace: %s.", type(value).__name__, error, exc_info=error)
        return {"type": type(value).__name__}
