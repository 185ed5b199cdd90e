"""Logs of programs that run for long: lines of text, or a JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

#: What each line of this task is about, such as its job.
_ABOUT: ContextVar[dict[str, Any] | None] = ContextVar("logs", default=None)
_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def start_logging(level: str, form: Literal["text", "json"]) -> None:
    """Write what is logged, from this level on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


@contextmanager
def logged(**about: Any) -> Generator[None]:
    """Say in all lines that are written within the block what they are about; None says nothing."""
    known = _ABOUT.get() or {}
    token = _ABOUT.set({**known, **{name: value for name, value in about.items() if value is not None}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


class JsonFormatter(logging.Formatter):
    """A JSON object a line: `time`, `level`, `logger`, `message`, and what it is about.

    Of an exception that is logged along, its type and its place in the code are told, and not its text, which
    may quote a document.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_ABOUT.get() or {}),
            **_span(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            told["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(told, ensure_ascii=False)


def _span() -> dict[str, str]:
    """The current span's ids, if OpenTelemetry is set up."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return {}
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
