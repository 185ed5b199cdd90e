"""The wire types of the replies of OpenAI's chat completions, as far as chat clients use them.

Replies carry four fields beyond OpenAI's, which its clients pass through: `run_id`, `citations`
(the passages behind the `[n]`), `degraded` (what was left out, and why) and `error.run_id`.

Source: the OpenAI API reference, chat completions and streaming.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class UrlCitation(BaseModel):
    """Where in the content a source is cited: characters from `start_index` up to `end_index`."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A `[n]` in the content."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class CitedPassage(BaseModel):
    """The passage behind a `[n]`; `page` and `section` say where in its document it stands."""

    n: int
    id: str
    title: str
    source: str
    text: str
    page: int | None = None
    section: str = ""


class TokenUsage(BaseModel):
    """Tokens that a run spent on models."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


FinishReason = Literal["stop", "length", "content_filter"]


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one choice of a reply."""

    index: int = 0
    message: AssistantMessage
    logprobs: None = None
    finish_reason: FinishReason


class ChatCompletion(BaseModel):
    """The reply to a request that does not stream."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage
    run_id: str
    citations: list[CitedPassage]
    degraded: list[str]


class Delta(BaseModel):
    """The delta of a chunk; only the fields that are set are sent."""

    role: Literal["assistant"] = "assistant"
    content: str = ""
    annotations: list[Annotation] = []


class ChunkChoice(BaseModel):
    """The one choice of a chunk."""

    index: int
    delta: Delta
    logprobs: None
    finish_reason: FinishReason | None


class ChatCompletionChunk(BaseModel):
    """One event of a stream; only the fields that are set are sent."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: TokenUsage | None = None
    run_id: str = ""
    citations: list[CitedPassage] = []
    degraded: list[str] = []


class Model(BaseModel):
    """A served workflow."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "orchestrator"


class ModelList(BaseModel):
    """The served workflows."""

    object: Literal["list"] = "list"
    data: list[Model]
