"""One trace over whoever submits a job, plans it and does its parts; and nothing of a document in it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestrator.application.application import Application
from orchestrator.errors import BadInput
from orchestrator.indexing.orders import add_payload
from orchestrator.jobs.job_run import JobRunner
from orchestrator.jobs.registry import JobHandlers
from orchestrator.ports import Job, JobScope, Ledger, index_scope
from orchestrator.settings import Settings


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Generator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_parts_are_below_their_job_and_the_job_below_whoever_submitted_it(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Otters hold hands.")
    async with Application(Settings(home=tmp_path / "home")) as app:
        with trace.get_tracer("test").start_as_current_span("upload"):
            payload = add_payload([tmp_path / "docs"])
            order = app.jobs.submit("add", index_scope("default"), payload)
        await app.jobs.work(until_idle=True)
    made = {span.name: span for span in spans.get_finished_spans()}
    upload, adding, reading = made["upload"], made["job index.add"], made["job index.read"]
    assert adding.parent.span_id == upload.context.span_id
    assert {each.context.trace_id for each in (adding, reading)} == {upload.context.trace_id}
    assert reading.attributes["job.order"] == adding.attributes["job.id"] == order.id
    assert adding.attributes["job.state"] == reading.attributes["job.state"] == "done"
    assert adding.attributes["job.attempt"] == 1
    assert "Otters" not in "".join(span.to_json() for span in made.values())


async def test_how_a_job_failed_is_told_by_the_type_of_its_error(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    seen: list[dict[str, Any]] = []

    async def break_off(job: Job) -> None:
        seen.append(job.payload.read())
        raise BadInput("'Otters hold hands' is no number.")

    async with Application(Settings(home=tmp_path / "home")) as app:
        with trace.get_tracer("test").start_as_current_span("upload"):
            job = app.jobs.submit("break", JobScope("tree", "a"), {"number": 1})
        ledger = app.container.get(Ledger)
        await JobRunner(ledger, JobHandlers({"tree.break": break_off}), {}).run(job.id, "worker")
    # What carries the span is not the handler's business.
    assert seen == [{"number": 1}]
    span = {span.name: span for span in spans.get_finished_spans()}["job tree.break"]
    assert (span.attributes["job.state"], span.attributes["error.type"]) == ("failed", "BadInput")
    assert not span.status.is_ok
    assert "Otters" not in span.to_json()
