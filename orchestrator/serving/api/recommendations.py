"""`POST /v1/recommendations`: a history in, a slate out, as a run like any other."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect

from orchestrator.budget import Budget
from orchestrator.graph.run.events import Event, Finished
from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.nodes.recommend.recommend import Recommend
from orchestrator.nodes.recommend.slate import POOL, MakeSlate
from orchestrator.recommendation.recommender import EMPTY
from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.limits.connection import read_body, while_connected
from orchestrator.serving.limits.live_run import live
from orchestrator.serving.wire.errors import InvalidRequest, of_run, refuse
from orchestrator.types import Filter, History, Principal, Question, Slate

router = APIRouter(prefix="/v1", tags=["recommendations"])

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


class RecommendationRequest(BaseModel):
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

    @classmethod
    def parse(cls, body: bytes) -> RecommendationRequest:
        """A request from its JSON; InvalidRequest names the first field that cannot be used."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            refuse(error.errors(include_url=False))

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

    def workflow(self, endpoint: Endpoint) -> Workflow:
        """The run that the request asks for; InvalidRequest for a choice that is the workflow's own."""
        if self.model:
            found = endpoint.recommender(self.model)
            for name in _CHOICES:
                if getattr(self, name):
                    raise InvalidRequest(
                        f"{name} is for the workflow {self.model!r} itself to choose.", param=name
                    )
            return found
        wanted = self.k * POOL if self.diversity else self.k
        caps = tuple(self.at_most.items())
        ranked = Recommend(
            k=wanted,
            ranker=self.ranker,
            exclude=tuple(self.exclude),
            repeat=self.repeat,
            fill=True,
            at_most=caps,
        )
        shown = MakeSlate(k=self.k, diversity=self.diversity, at_most=caps, pool=wanted)
        return workflow("recommendations", ranked >> shown, inputs=(Question, History))

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


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": RecommendationRequest.model_json_schema()}},
    }
}


@router.post("/recommendations", response_model=Recommendations, openapi_extra=_BODY)
async def recommendations(request: Request, endpoint: Served, asker: Asker) -> Response:
    """What a history is offered next."""
    limits = endpoint.limits
    try:
        body = await read_body(request, limit=limits.body, seconds=limits.arrival)
        wanted = RecommendationRequest.parse(body)
        run_id = uuid4().hex
        reply = await while_connected(_slate(wanted, endpoint, asker, run_id), request.receive)
        return JSONResponse(reply.model_dump(), headers={"X-Run-Id": run_id})
    except ClientDisconnect:
        return Response(status_code=499)


async def _slate(
    wanted: RecommendationRequest, endpoint: Endpoint, asker: Principal, run_id: str
) -> Recommendations:
    chosen = wanted.workflow(endpoint)
    question = Question("", asker, filters=wanted.filters)
    history = History(wanted.user, tuple(wanted.items))

    async def run() -> AsyncGenerator[Event, None]:
        events = chosen.stream(
            *(question if each is Question else history for each in chosen.inputs),
            ports=endpoint.ports(),
            budget=Budget(seconds=endpoint.limits.deadline),
            durability="none",
            run_id=run_id,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    try:
        async with aclosing(live(run(), endpoint.admission, endpoint.limits.keep_alive)) as events:
            (result,) = [event.result async for event in events if isinstance(event, Finished)]
    except Exception as error:
        failure = of_run(error, run_id)
        raise failure from failure.__cause__
    slate = result.get(Slate)
    assert isinstance(slate, Slate)
    return Recommendations(
        id=f"rec-{run_id}",
        created=int(time.time()),
        data=[
            Recommendation(
                id=offer.id, title=offer.title, score=offer.score, ranker=offer.why, reason=offer.reason
            )
            for offer in [*slate][: wanted.most]
        ],
        # A slate may come of a search, which needs no history; this one does not.
        notes=[*([] if wanted.user or wanted.items else [EMPTY]), *slate.notes, *wanted.unread],
        degraded=list(result.degraded),
    )
