"""`POST /v1/recommendations`: a history in, a slate out, as a run like any other."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import ClientDisconnect

from orchestrator.application.exposure import Exposed, exposed
from orchestrator.graph.run.result import RunResult
from orchestrator.nodes.recommend.recommendations import recommendations as recommended
from orchestrator.recommendation.recommender import EMPTY
from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.limits.connection import while_connected
from orchestrator.serving.wire.errors import InvalidRequest
from orchestrator.serving.wire.openapi import COMMON, RUNNING, WITH_BODY
from orchestrator.serving.wire.request_body import RequestBody
from orchestrator.types import Filter, History, Question, Slate

router = APIRouter(prefix="/v1", tags=["recommendations"], responses=COMMON)

Name = Annotated[str, Field(min_length=1, max_length=1_000)]
#: One value may come without a list; checked as a list, a fault is named without the name of a type.
Values = Annotated[
    list[Name],
    BeforeValidator(
        lambda given: [given] if isinstance(given, str) else given, json_schema_input_type=Name | list[Name]
    ),
]
#: More places are no slate, and longer histories are named by their user.
_MOST, _LONGEST, _EXCLUDED = 200, 2_000, 20_000
#: What a workflow of its own may have chosen otherwise.
_CHOICES = ("exclude", "ranker", "repeat", "diversity", "at_most")


class RecommendationRequest(RequestBody):
    """Whom to recommend to, and within which bounds. Access is the key's, never the body's.

    `model` names a served workflow of items; without it the best ranker that was trained ranks. `where` names
    fields and the values of which an item must have one; `at_most` caps how many items of the slate may
    share a value of a field. What else a body holds has no effect, and the notes say so.
    """

    model_config = ConfigDict(extra="allow")

    model: str = Field(default="", max_length=1_000)
    user: str = Field(default="", max_length=1_000)
    items: list[Name] = Field(default_factory=list, max_length=_LONGEST)
    exclude: list[Name] = Field(default_factory=list, max_length=_EXCLUDED)
    where: dict[Name, Values] = Field(default_factory=dict, max_length=20)
    k: int = Field(default=10, ge=1, le=_MOST)
    ranker: str = Field(default="", max_length=100)
    repeat: bool = False
    diversity: float = Field(default=0.0, ge=0.0, le=1.0)
    at_most: dict[Name, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, max_length=20)

    @property
    def unread(self) -> tuple[str, ...]:
        """A note on fields that have no effect: a filter whose name is misspelt must not go unnoticed."""
        names = [name[:100] for name in self.model_extra or {}]
        some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        return (f"No field of a request, and without effect: {some}.",) if names else ()

    @property
    def filters(self) -> tuple[Filter, ...]:
        """`where`, as the library knows it."""
        return tuple(Filter(field, tuple(values)) for field, values in self.where.items())

    def exposed(self, endpoint: Endpoint) -> Exposed:
        """The workflow that the request asks; InvalidRequest for a choice that is the workflow's own."""
        if self.model:
            found = endpoint.recommender(self.model)
            for name in _CHOICES:
                if getattr(self, name):
                    raise InvalidRequest(
                        f"The field {name} is for the workflow {self.model!r} itself to choose.", param=name
                    )
            return found
        return exposed(
            recommended(
                k=self.k,
                ranker=self.ranker,
                exclude=self.exclude,
                repeat=self.repeat,
                diversity=self.diversity,
                at_most=tuple(self.at_most.items()),
            )
        )

    @property
    def most(self) -> int | None:
        """How many of the slate are wanted; None for all of them."""
        return None if self.model and "k" not in self.model_fields_set else self.k


class Recommendation(BaseModel):
    """One place of the slate."""

    id: str
    title: str
    score: float
    ranker: str
    reason: str


class Recommendations(BaseModel):
    """The slate. `notes` say what was not known, or could not be done."""

    id: str
    object: str = "list"
    created: int
    data: list[Recommendation]
    notes: list[str]
    degraded: list[str]


@router.post(
    "/recommendations",
    response_model=Recommendations,
    responses={**WITH_BODY, **RUNNING},
    openapi_extra=RecommendationRequest.described(),
)
async def recommendations(request: Request, endpoint: Served, asker: Asker) -> Response:
    """Recommend the next items for a history."""
    wanted = RecommendationRequest.parse(await request.body())
    workflow = wanted.exposed(endpoint)
    question = Question("", asker.principal, filters=wanted.filters)
    inputs = workflow.inputs(question, History(wanted.user, tuple(wanted.items)))
    # A slate is asked for again, and not resumed.
    run = endpoint.run(workflow.workflow, inputs, asker, durability="none")
    try:
        result = await while_connected(run.result(), request.receive)
    except ClientDisconnect:
        return Response(status_code=499)
    return JSONResponse(_reply(wanted, result).model_dump(), headers={"X-Run-Id": run.run_id})


def _reply(wanted: RecommendationRequest, result: RunResult) -> Recommendations:
    slate: Slate = result.output
    return Recommendations(
        id=f"rec-{result.run_id}",
        created=int(time.time()),
        data=[
            Recommendation(
                id=item.id, title=item.title, score=item.score, ranker=item.why, reason=item.reason
            )
            for item in slate.items[: wanted.most]
        ],
        # A slate may come of a search, which needs no history; this one does not.
        notes=[*([] if wanted.user or wanted.items else [EMPTY]), *slate.notes, *wanted.unread],
        degraded=list(result.degraded),
    )
