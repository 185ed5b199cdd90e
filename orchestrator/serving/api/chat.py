"""`POST /v1/chat/completions`: a conversation in, a cited answer out, at once or as it is written."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from orchestrator.application.served_run import ServedRun
from orchestrator.errors import OrchestratorError
from orchestrator.graph.run.events import Finished, Restarted, Text
from orchestrator.models.client import ClientModel, End
from orchestrator.ports import LanguageModel, replace_ports
from orchestrator.serving.auth import Caller
from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.limits.connection import EventStream, while_connected
from orchestrator.serving.task_requests import TASK, TaskRequest
from orchestrator.serving.wire.chat_request import ChatRequest, Turns
from orchestrator.serving.wire.errors import InvalidRequest, log, report
from orchestrator.serving.wire.limited_text import LimitedText
from orchestrator.serving.wire.openai import AssistantMessage, ChatCompletion, Choice, FinishReason
from orchestrator.serving.wire.openapi import COMMON, RUNNING, WITH_BODY
from orchestrator.serving.wire.reply import Reply
from orchestrator.serving.wire.sse import DONE, KEEP_ALIVE, Chunks
from orchestrator.serving.wire.streamed_text import StreamedText
from orchestrator.types import Question

router = APIRouter(prefix="/v1/chat", tags=["chat"], responses=COMMON)

#: How a model's text ended, in OpenAI's words.
_ENDS: Mapping[End, FinishReason] = {"whole": "stop", "cut": "length", "filtered": "content_filter"}
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
    model: str
    run: ServedRun
    created: int

    @classmethod
    def of(cls, request: ChatRequest, endpoint: Endpoint, asker: Caller) -> Chat:
        """The run that a request asks for; InvalidRequest or UnknownWorkflow if there can be none."""
        workflow = endpoint.workflow(request.model)
        turns = request.turns()
        task = TaskRequest.of(turns, request.tokens) if endpoint.recognises_tasks else None
        if task is not None:
            run = endpoint.run(TASK, (task,), asker, durability="none")
        else:
            _check_lengths(turns, endpoint)
            question = Question(turns.question, asker.principal, instructions=turns.instructions)
            inputs = workflow.inputs(question)
            ports = _for_client(endpoint.ports(), request)
            run = endpoint.run(workflow.answering, inputs, asker, ports=ports, earlier=turns.earlier)
        return cls(request, workflow.name, run, created=int(time.time()))

    @property
    def id(self) -> str:
        """The id of the completion, from which that of the run can be read."""
        return f"chatcmpl-{self.run.run_id}"

    async def complete(self) -> ChatCompletion:
        """The whole answer."""
        reply = Reply.of(await self.run.result())
        limited = self._limits()
        limited.add(reply.content, counted=self._quoted)
        limited.close(counted=self._quoted)
        reply = reply.cut(limited.length)
        message = AssistantMessage(content=reply.content, annotations=reply.annotations())
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[Choice(message=message, finish_reason=self._finish_reason(limited))],
            usage=reply.usage,
            run_id=self.run.run_id,
            citations=list(reply.citations),
            degraded=list(reply.degraded),
        )

    async def stream(self, quiet: float) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events, with a comment for each `quiet` seconds of silence.

        An error before the first of them is raised, so that it can still have a status of its own.
        """
        chunks = Chunks(self.id, self.created, self.model, with_usage=self.request.usage_wanted)
        text, limited, begun, sent = StreamedText(), self._limits(), False, time.monotonic()
        try:
            async with aclosing(self.run.events(quiet)) as events:
                async for event in events:
                    match event:
                        case None:
                            begun, sent = True, time.monotonic()
                            yield KEEP_ALIVE
                        case Text(path=path, text=piece):
                            first = not limited.length
                            if new := limited.add(text.add(path, piece), counted=self._quoted):
                                begun, sent = True, time.monotonic()
                                yield chunks.role() + chunks.content(new) if first else chunks.content(new)
                            elif time.monotonic() - sent > quiet:
                                # More is said than the client is shown.
                                begun, sent = True, time.monotonic()
                                yield KEEP_ALIVE
                        case Restarted(path=path):
                            text.restart(path)
                        case Finished(result=result):
                            begun = True
                            yield self._ending(chunks, Reply.of(result), text, limited)
                            return
                        case _:
                            pass
        except OrchestratorError as error:
            if not begun:
                raise
            yield chunks.error(report(error))

    def _ending(self, chunks: Chunks, reply: Reply, text: StreamedText, limited: LimitedText) -> bytes:
        """What is left to send when the run is over."""
        ending = b"" if limited.length else chunks.role()
        begins = text.offset
        rest = text.finish(reply.content)
        if text.offset != begins:
            log.warning("Run %s: the streamed text is not the answer's.", self.run.run_id)
        rest = limited.add(rest, counted=self._quoted) + limited.close(counted=self._quoted)
        if rest:
            ending += chunks.content(rest)
        reply = reply.cut(limited.length - text.offset)
        ending += chunks.last(reply, self._finish_reason(limited), self.run.run_id, offset=text.offset)
        if self.request.usage_wanted:
            ending += chunks.usage(reply.usage)
        return ending + DONE

    @property
    def _written(self) -> ClientModel | None:
        """The model that writes for this client, if there is one."""
        model = self.run.ports.get(LanguageModel)
        return model if isinstance(model, ClientModel) else None

    @property
    def _quoted(self) -> bool:
        """Whether what the client reads is no model's text, which a model would have kept short itself."""
        return self._written is None or not self._written.wrote

    def _limits(self) -> LimitedText:
        # What answers a task keeps the limit itself, and is of no use in part.
        task = self.run.workflow is TASK
        return LimitedText(self.request.stops, None if task else self.request.tokens)

    def _finish_reason(self, limited: LimitedText) -> FinishReason:
        """Why the text ends where it does: a stop sequence or a limit of the client's, or its own end."""
        if limited.end is not None:
            return limited.end
        return _ENDS[self._written.end] if self._written is not None else "stop"


def _for_client(ports: Mapping[type, object], request: ChatRequest) -> Mapping[type, object]:
    """The ports, with the model as this client asks for its text."""
    model = ports.get(LanguageModel)
    if not isinstance(model, LanguageModel) or not model.available:
        return ports
    return replace_ports(ports, {LanguageModel: ClientModel(model, request.settings)})


def _check_lengths(turns: Turns, endpoint: Endpoint) -> None:
    """InvalidRequest if the question or the instructions are too long."""
    for what, text, most, why in (
        ("question", turns.question, endpoint.limits.question, "can be searched by"),
        (
            "instructions (system and developer turns)",
            turns.instructions,
            endpoint.limits.instructions,
            "are read",
        ),
    ):
        if len(text) > most:
            verb = "has" if what == "question" else "have"
            raise InvalidRequest(
                f"The {what} {verb} {len(text):,} characters; at most {most:,} {why}. Add long texts to the "
                "index, and ask about them.",
                param="messages",
                code="context_length_exceeded",
            )
