"""OpenTelemetry spans, if the program has set the SDK up, and what carries them to other processes."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.json_object import JsonObject

if TYPE_CHECKING:
    from orchestrator.ports import Job

#: The field of a job's payload in which the span is that submitted it, as W3C's Trace Context writes it.
CARRIED = "traceparent"


def tracer() -> Any:
    """A tracer, if the program has set one up; the API alone costs time for nothing."""
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    if sdk is None:
        return None
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    return provider.get_tracer("orchestrator") if isinstance(provider, sdk.TracerProvider) else None


def with_span(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A job's payload with the current span, if there is one: the job's span will be below it."""
    if tracer() is None:
        return payload
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return {**payload, CARRIED: carrier[CARRIED]} if CARRIED in carrier else payload


def without_span(job: Job) -> tuple[Job, str]:
    """A job as its handler expects it, and the span that its payload carried, or ''."""
    if f'"{CARRIED}"' not in job.payload.text:
        return job, ""
    payload = job.payload.read()
    carried = str(payload.pop(CARRIED, ""))
    return replace(job, payload=JsonObject.of(payload)), carried


@contextmanager
def job_span(job: Job, carried: str) -> Generator[Any]:
    """A span of one attempt at a job, or at a part of one, below the span `carried` that submitted it.

    It names the job and never what it is about, since payloads and errors may quote documents.
    """
    found = tracer()
    if found is None:
        yield None
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    attributes: dict[str, str | int] = {
        "job.id": job.id,
        "job.kind": job.name,
        "job.scope": str(job.scope),
        "job.attempt": job.attempt,
    }
    if (order := job.order) is not None:
        attributes["job.order"] = order
    with found.start_as_current_span(
        f"job {job.name}",
        context=TraceContextTextMapPropagator().extract({CARRIED: carried}) if carried else None,
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        # An error's text may quote a document; its type is told by who ends the span.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def end_job_span(span: Any, state: str, error: BaseException | None = None) -> None:
    """Note how an attempt ended: `done`, `failed`, `lost` or `given back`, and by which error's type."""
    if span is None:
        return
    span.set_attribute("job.state", state)
    if error is not None:
        from opentelemetry.trace import StatusCode

        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
