"""Values as a trace keeps them: ids, counts and lengths, never the text of a passage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from orchestrator.graph.run.step_trace import StepTrace
from orchestrator.ports import StepRecord
from orchestrator.types import Answer, Context, Hits, Queries, Question

#: How many ids of a ranking a trace keeps.
IDS = 20


def step_record(trace: StepTrace) -> StepRecord:
    """One step of a trace, ready to be kept."""
    return StepRecord(
        path=trace.path,
        started=round(trace.started, 6),
        seconds=round(trace.seconds, 6),
        reads={name: summary(value) for name, value in trace.reads.items()},
        writes={name: summary(value) for name, value in trace.writes.items()},
        usage=trace.usage,
        cached=trace.cached,
        attempts=trace.attempts,
        error=trace.error,
    )


def summary(value: Any) -> Any:
    """A value by its ids and sizes."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return {"characters": len(value)}
        case Hits():
            return {
                "hits": len(value),
                "ids": list(value.ids[:IDS]),
                "best": value.hits[0].score if value.hits else None,
            }
        case Context():
            return {"excerpts": len(value), "ids": [excerpt.passage for excerpt in value][:IDS]}
        case Answer():
            return {"characters": len(value.text), "ids": [citation.id for citation in value.citations]}
        case Question():
            # The asker's own words, readable by the asker only.
            return {"text": value.text, "conversation": value.conversation}
        case Queries():
            return {"queries": len(value), "characters": [len(query.text) for query in value]}
        case tuple():
            items = cast("tuple[Any, ...]", value)
            return [summary(item) for item in items[:IDS]]
        case Mapping():
            return {"entries": len(cast("Mapping[Any, Any]", value))}
        case _:
            pass
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {spec.name: summary(getattr(value, spec.name)) for spec in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    return {"type": type(value).__name__}
