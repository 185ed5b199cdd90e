"""`/v1/runs/{run_id}`: a run read back, its answer, its citations and its trace, as its reader may see it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from orchestrator.application.exposure import output_types
from orchestrator.errors import RunNotFound
from orchestrator.graph.run.read_back import readable_output
from orchestrator.models.feedback import give_feedback
from orchestrator.ports import FeedbackStore, RunRecord, Runs, RunStatus, StepRecord
from orchestrator.serving.endpoint import Asker, Served
from orchestrator.serving.wire.openai import Annotation, CitedPassage, TokenUsage
from orchestrator.serving.wire.openapi import COMMON, WITH_BODY
from orchestrator.serving.wire.reply import Reply, cited, tokens
from orchestrator.serving.wire.request_body import RequestBody
from orchestrator.types import Answer, Principal

router = APIRouter(prefix="/v1/runs", tags=["runs"], responses=COMMON)

_ANSWER = TypeAdapter(Answer)
_UNFORESEEN = re.compile(r"\A(\[[^\]]*\] Failed with )?([A-Za-z_]\w*): .*", re.DOTALL)


class Step(BaseModel):
    """One node's part of a run; times are in seconds, `started` since the run began."""

    path: str
    started: float
    seconds: float
    reads: dict[str, Any]
    writes: dict[str, Any]
    usage: TokenUsage
    cached: bool
    attempts: int
    error: str | None

    @classmethod
    def of(cls, step: StepRecord) -> Step:
        """A step as it is sent."""
        return cls(
            path=step.path,
            started=step.started,
            seconds=step.seconds,
            reads=dict(step.reads),
            writes=dict(step.writes),
            usage=tokens(step.usage),
            cached=step.cached,
            attempts=step.attempts,
            error=_without_text(step.error),
        )


class RunView(BaseModel):
    """A run. Times are in seconds.

    `answer` is None until the run is done, and where it quotes what its reader may not read any more:
    `withheld` says how many citations that are. `output` is what a run gave that is no answer, as a slate; it
    is None where its reader may not read all of it, and `withheld` is then above 0.
    """

    id: str
    object: str = "run"
    model: str
    status: RunStatus
    created: float
    seconds: float
    answer: str | None = None
    annotations: list[Annotation] = []
    citations: list[CitedPassage] = []
    output: Any = None
    withheld: int = 0
    degraded: list[str]
    usage: TokenUsage
    error: str | None
    trace: list[Step]

    @classmethod
    def of(cls, run: RunRecord, types: Iterable[Any], reader: Principal) -> RunView:
        """A run as it is sent to a reader; `types` are those that its output may be of."""
        view = cls(
            id=run.id,
            model=run.workflow,
            status=run.status,
            created=run.created,
            seconds=run.seconds,
            degraded=list(run.degraded),
            usage=tokens(run.usage),
            error=_without_text(run.error),
            trace=[Step.of(step) for step in run.steps],
        )
        output = readable_output(run, types, reader)
        if output is None:
            return view
        if output.type != "Answer":
            return view.model_copy(update={"output": output.value, "withheld": output.withheld})
        answer = _ANSWER.validate_python(output.value)
        reply = Reply(answer.text, cited(answer.citations), run.degraded, view.usage)
        return view.model_copy(
            update={
                "answer": None if output.withheld else reply.content,
                "annotations": reply.annotations(),
                "citations": list(reply.citations),
                "withheld": output.withheld,
            }
        )


def _without_text(error: str | None) -> str | None:
    """An error without the text of an unforeseen exception, as the live answer had it."""
    return error and _UNFORESEEN.sub(r"\1\2", error)


@router.get("/{run_id}")
async def run(run_id: str, endpoint: Served, asker: Asker) -> RunView:
    """The run, if it is the reader's own, with the citations that the reader may read."""
    runs = endpoint.ports()[Runs]
    assert isinstance(runs, Runs)
    record = await runs.read(run_id, principal=asker.principal)
    if record is None:
        raise RunNotFound(f"There is no run {run_id!r} of yours.", hint="Check the id and the API key.")
    return RunView.of(record, output_types(endpoint.served.values()), asker.principal)


class FeedbackBody(RequestBody):
    """Feedback on the answer of a run: 0 (useless) to 1 (perfect)."""

    score: float = Field(ge=0, le=1)


class FeedbackReply(BaseModel):
    """How many answers of the run the feedback was for."""

    id: str
    object: Literal["feedback"] = "feedback"
    answers: int


@router.post("/{run_id}/feedback", responses=WITH_BODY, openapi_extra=FeedbackBody.described())
async def feedback(run_id: str, request: Request, endpoint: Served, asker: Asker) -> FeedbackReply:
    """Rate the answer of one's own run, once, so that `routes` learns which model to use."""
    given = FeedbackBody.parse(await request.body())
    ports = endpoint.ports()
    runs, feedback = ports[Runs], ports[FeedbackStore]
    assert isinstance(runs, Runs)
    assert isinstance(feedback, FeedbackStore)
    count = await give_feedback(runs, feedback, run_id, given.score, principal=asker.principal)
    return FeedbackReply(id=run_id, answers=count)
