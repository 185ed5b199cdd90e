"""`POST /v1/chat/completions`: a conversation in, a cited answer out, at once or as it is written."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from orchestrator.application.exposure import Exposed
from orchestrator.application.served_run import ServedRun
from orchestrator.errors import OrchestratorError
from orchestrator.graph.run.events import Finished, Restarted, Text
from orchestrator.models.capped import CappedModel
from orchestrator.ports import LanguageModel, replace_ports
from orchestrator.serving.auth import Caller
from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.limits.connection import EventStream, while_connected
from orchestrator.serving.wire.errors import InvalidRequest, log, report
from orchestrator.serving.wire.openai import (
    AssistantMessage,
    ChatCompletion,
    ChatRequest,
    Choice,
    FinishReason,
)
from orchestrator.serving.wire.openapi import COMMON, RUNNING, WITH_BODY
from orchestrator.serving.wire.reply import Reply
from orchestrator.serving.wire.sse import DONE, KEEP_ALIVE, Chunks
from orchestrator.serving.wire.streamed_text import StreamedText
from orchestrator.types import Question

router = APIRouter(prefix="/v1/chat", tags=["chat"], responses=COMMON)

_STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post(
    "/completions",
    response_model=ChatCompletion,
    responses={**_STREAM, **WITH_BODY, **RUNNING},
    openapi_extra=ChatRequest.described(),
)
async def completions(request: Request, endpoint: Served, asker: Asker) -> Response:
    """Answer the last turn of the user, in the light of those before it."""
    chat = Chat.of(ChatRequest.parse(await request.body()), endpoint, asker)
    headers = {"X-Run-Id": chat.run.run_id}
    try:
        if chat.request.stream:
            return EventStream(chat.stream(endpoint.limits.keep_alive), headers)
        completion = await while_connected(chat.complete(), request.receive)
        return JSONResponse(completion.model_dump(), headers=headers)
    except ClientDisconnect:
        return Response(status_code=499)


@dataclass(frozen=True, slots=True)
class Chat:
    """One request for an answer, and the run that makes it."""

    request: ChatRequest
    workflow: Exposed
    run: ServedRun
    created: int

    @classmethod
    def of(cls, request: ChatRequest, endpoint: Endpoint, asker: Caller) -> Chat:
        """The run that a request asks for; InvalidRequest or UnknownWorkflow if there can be none."""
        workflow = endpoint.workflow(request.model)
        earlier, text = request.turns()
        if len(text) > endpoint.limits.question:
            raise InvalidRequest(
                f"The question has {len(text):,} characters; at most {endpoint.limits.question:,} can be "
                "searched by. Add long texts to the index, and ask about them.",
                param="messages",
                code="context_length_exceeded",
            )
        ports = endpoint.ports()
        model = ports.get(LanguageModel)
        if request.tokens is not None and isinstance(model, LanguageModel):
            ports = replace_ports(ports, {LanguageModel: CappedModel(model, request.tokens)})
        inputs = workflow.inputs(Question(text, asker.principal))
        run = endpoint.run(workflow.answering, inputs, asker, ports=ports, earlier=earlier)
        return cls(request, workflow, run, created=int(time.time()))

    @property
    def id(self) -> str:
        """The id of the completion, from which that of the run can be read."""
        return f"chatcmpl-{self.run.run_id}"

    @property
    def finish_reason(self) -> FinishReason:
        """Whether the client's limit on tokens cut the answer short."""
        model = self.run.ports.get(LanguageModel)
        return "length" if isinstance(model, CappedModel) and model.reached else "stop"

    async def complete(self) -> ChatCompletion:
        """The whole answer."""
        reply = Reply.of(await self.run.result())
        message = AssistantMessage(content=reply.content, annotations=reply.annotations())
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.workflow.name,
            choices=[Choice(message=message, finish_reason=self.finish_reason)],
            usage=reply.usage,
            run_id=self.run.run_id,
            citations=list(reply.citations),
            degraded=list(reply.degraded),
        )

    async def stream(self, quiet: float) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events, with a comment for each `quiet` seconds of silence.

        An error before the first of them is raised, so that it can still have a status of its own.
        """
        chunks = Chunks(self.id, self.created, self.workflow.name, with_usage=self.request.usage_wanted)
        text, begun = StreamedText(), False
        try:
            async with aclosing(self.run.events(quiet)) as events:
                async for event in events:
                    match event:
                        case None:
                            begun = True
                            yield KEEP_ALIVE
                        case Text(path=path, text=piece):
                            first = not text.sent
                            if new := text.add(path, piece):
                                begun = True
                                yield chunks.role() + chunks.content(new) if first else chunks.content(new)
                        case Restarted(path=path):
                            text.restart(path)
                        case Finished(result=result):
                            begun = True
                            yield self._ending(chunks, Reply.of(result), text)
                            return
                        case _:
                            pass
        except OrchestratorError as error:
            if not begun:
                raise
            yield chunks.error(report(error))

    def _ending(self, chunks: Chunks, reply: Reply, text: StreamedText) -> bytes:
        """What is left to send when the run is over."""
        ending = b"" if text.sent else chunks.role()
        begins = text.offset
        rest = text.finish(reply.content)
        if text.offset != begins:
            log.warning("Run %s: the streamed text is not the answer's.", self.run.run_id)
        if rest:
            ending += chunks.content(rest)
        ending += chunks.last(reply, self.finish_reason, self.run.run_id, offset=text.offset)
        if self.request.usage_wanted:
            ending += chunks.usage(reply.usage)
        return ending + DONE
