"""`POST /v1/chat/completions`: a conversation in, a cited answer out, at once or as it is written."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from orchestrator.budget import Budget
from orchestrator.graph.run.events import Event, Finished, Text
from orchestrator.graph.workflow import Workflow
from orchestrator.models.capped import CappedModel
from orchestrator.ports import Conversations, LanguageModel
from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.limits.connection import EventStream, read_body, while_connected
from orchestrator.serving.limits.live_run import live
from orchestrator.serving.wire.errors import InvalidRequest, log, of_run, report
from orchestrator.serving.wire.openai import (
    AssistantMessage,
    ChatCompletion,
    ChatRequest,
    Choice,
    FinishReason,
)
from orchestrator.serving.wire.reply import Reply
from orchestrator.serving.wire.sse import DONE, KEEP_ALIVE, Chunks
from orchestrator.types import Message, Principal, Question

router = APIRouter(prefix="/v1/chat", tags=["chat"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ChatRequest.model_json_schema()}},
    }
}


@router.post("/completions", response_model=ChatCompletion, openapi_extra=_BODY)
async def completions(request: Request, endpoint: Served, asker: Asker) -> Response:
    """Answer the last turn of the user, in the light of those before it."""
    limits = endpoint.limits
    try:
        body = await read_body(request, limit=limits.body, seconds=limits.arrival)
        chat = Chat.of(ChatRequest.parse(body), endpoint, asker, endpoint.keys.caller(request))
        if chat.request.stream:
            return EventStream(chat.stream(), {"X-Run-Id": chat.run_id})
        completion = await while_connected(chat.complete(), request.receive)
        return JSONResponse(completion.model_dump(), headers={"X-Run-Id": chat.run_id})
    except ClientDisconnect:
        return Response(status_code=499)


@dataclass(frozen=True, slots=True)
class Chat:
    """One request for an answer, and the run that makes it."""

    request: ChatRequest
    endpoint: Endpoint
    workflow: Workflow
    principal: Principal
    caller: str
    earlier: tuple[Message, ...]
    question: str
    run_id: str
    created: int
    ports: Mapping[type, object]

    @classmethod
    def of(cls, request: ChatRequest, endpoint: Endpoint, principal: Principal, caller: str) -> Chat:
        """The run that a request asks for; InvalidRequest or UnknownWorkflow if there can be none."""
        workflow = endpoint.workflow(request.model)
        earlier, question = request.turns()
        if len(question) > endpoint.limits.question:
            raise InvalidRequest(
                f"The question has {len(question):,} characters; at most {endpoint.limits.question:,} can be "
                "searched by. Add long texts to the index, and ask about them.",
                param="messages",
                code="context_length_exceeded",
            )
        ports = dict(endpoint.ports())
        model = ports.get(LanguageModel)
        if request.tokens is not None and isinstance(model, LanguageModel):
            ports[LanguageModel] = CappedModel(model, request.tokens)
        return cls(
            request,
            endpoint,
            workflow,
            principal,
            caller,
            earlier,
            question,
            run_id=uuid4().hex,
            created=int(time.time()),
            ports=ports,
        )

    @property
    def id(self) -> str:
        """The id of the completion, from which that of the run can be read."""
        return f"chatcmpl-{self.run_id}"

    async def asked(self) -> Question:
        """The question, its conversation by id: a run's state does not grow with what was said before."""
        conversation = None
        if self.earlier:
            conversations = self.ports[Conversations]
            assert isinstance(conversations, Conversations)
            conversation = await conversations.append(self.earlier, principal=self.principal)
        return Question(self.question, self.principal, conversation)

    async def run(self) -> AsyncGenerator[Event, None]:
        """The events of the run."""
        limits = self.endpoint.limits
        events = self.workflow.stream(
            await self.asked(),
            ports=self.ports,
            budget=Budget(seconds=limits.deadline),
            durability=limits.durability,
            run_id=self.run_id,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    def events(self) -> AsyncGenerator[Event | None, None]:
        """The events of the run once it has a place; None for each `keep_alive` seconds of silence."""
        limits = self.endpoint.limits
        return live(self.run(), self.endpoint.admission, limits.keep_alive, self.caller)

    @property
    def finish_reason(self) -> FinishReason:
        """Whether the client's limit on tokens cut the answer short."""
        model = self.ports.get(LanguageModel)
        return "length" if isinstance(model, CappedModel) and model.reached else "stop"

    async def complete(self) -> ChatCompletion:
        """The whole answer."""
        try:
            async with aclosing(self.events()) as events:
                results = [event.result async for event in events if isinstance(event, Finished)]
                return self._completion(Reply.of(results[0]))
        except Exception as error:
            failure = of_run(error, self.run_id)
            raise failure from failure.__cause__

    def _completion(self, reply: Reply) -> ChatCompletion:
        message = AssistantMessage(content=reply.content, annotations=reply.annotations())
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.workflow.name,
            choices=[Choice(message=message, finish_reason=self.finish_reason)],
            usage=reply.usage,
            run_id=self.run_id,
            citations=list(reply.citations),
            degraded=list(reply.degraded),
        )

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events.

        An error before the first of them is raised, so that it can still have a status of its own.
        """
        chunks = Chunks(self.id, self.created, self.workflow.name, with_usage=self.request.usage_wanted)
        said, begun = "", False
        try:
            async with aclosing(self.events()) as events:
                async for event in events:
                    match event:
                        case None:
                            begun = True
                            yield KEEP_ALIVE
                        case Text(text=text):
                            begun = True
                            yield chunks.content(text) if said else chunks.role() + chunks.content(text)
                            said += text
                        case Finished(result=result):
                            begun = True
                            yield self._ending(chunks, Reply.of(result), said)
                            return
                        case _:
                            pass
        except Exception as error:
            failure = of_run(error, self.run_id)
            if not begun:
                raise failure from failure.__cause__
            yield chunks.error(report(failure))

    def _ending(self, chunks: Chunks, reply: Reply, said: str) -> bytes:
        """What is left to send when the run is over and `said` was sent."""
        ending = b"" if said else chunks.role()
        rest, offset = reply.content.removeprefix(said), 0
        if not reply.content.startswith(said):
            # What was said cannot be taken back, so the answer follows it whole.
            log.warning("run %s: the streamed text is not the answer's", self.run_id)
            rest, offset = f"\n\n{reply.content}", len(said) + 2
        if rest:
            ending += chunks.content(rest)
        ending += chunks.last(reply, self.finish_reason, self.run_id, offset=offset)
        if self.request.usage_wanted:
            ending += chunks.usage(reply.usage)
        return ending + DONE
