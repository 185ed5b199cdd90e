"""The events of a streamed completion, as bytes.

Every chunk has the same id, time and model; the first delta has the role, the last chunk a
`finish_reason`; then `[DONE]`. An error in the middle is an event without `choices`, and the end.
"""

from __future__ import annotations

import json

from pydantic import BaseModel

from orchestrator.errors import OrchestratorError
from orchestrator.serving.wire.errors import error_body
from orchestrator.serving.wire.openai import ChatCompletionChunk, ChunkChoice, Delta, FinishReason, TokenUsage
from orchestrator.serving.wire.reply import Reply

DONE = b"data: [DONE]\n\n"
#: A comment: clients skip it, and what lies between sees that the connection is alive.
KEEP_ALIVE = b": keep-alive\n\n"


class Chunks:
    """Makes the chunks of one completion. `with_usage` adds `usage: null` to all but the usage chunk."""

    def __init__(self, id: str, created: int, model: str, *, with_usage: bool) -> None:
        self._same = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._usage = {"usage": None} if with_usage else {}

    def role(self) -> bytes:
        """The first chunk."""
        return self._chunk(Delta(role="assistant", content=""))

    def content(self, text: str) -> bytes:
        """A piece of the answer."""
        return self._chunk(Delta(content=text))

    def last(self, reply: Reply, finish: FinishReason, run_id: str, *, offset: int) -> bytes:
        """The last chunk: citations, and why the answer ends here."""
        return self._chunk(
            Delta(annotations=reply.annotations(offset=offset)),
            finish,
            run_id=run_id,
            citations=list(reply.citations),
            degraded=list(reply.degraded),
        )

    def usage(self, usage: TokenUsage) -> bytes:
        """The chunk after the last, for clients that ask for it."""
        return _event(ChatCompletionChunk.model_validate({**self._same, "choices": [], "usage": usage}))

    def error(self, error: OrchestratorError) -> bytes:
        """The end of a stream that failed."""
        return b"data: " + json.dumps(error_body(error), separators=(",", ":")).encode() + b"\n\n"

    def _chunk(self, delta: Delta, finish: FinishReason | None = None, **more: object) -> bytes:
        choice = ChunkChoice(index=0, delta=delta, logprobs=None, finish_reason=finish)
        fields = {**self._same, "choices": [choice], **self._usage, **more}
        return _event(ChatCompletionChunk.model_validate(fields))


def _event(data: BaseModel) -> bytes:
    return b"data: " + data.model_dump_json(exclude_unset=True).encode() + b"\n\n"
