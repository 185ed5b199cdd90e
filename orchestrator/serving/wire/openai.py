"""The wire types of OpenAI's chat completions, as far as chat clients use them.

Requests ignore fields that they do not know, and sampling settings, which are the workflow's own.
Replies carry four fields beyond OpenAI's, which its clients pass through: `run_id`, `citations`
(the passages behind the `[n]`), `degraded` (what was left out, and why) and `error.run_id`.

Source: the OpenAI API reference, chat completions and streaming.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from orchestrator.serving.wire.errors import InvalidRequest
from orchestrator.serving.wire.request_body import RequestBody
from orchestrator.types import Message, Role

# -- requests ----------------------------------------------------------------------------------

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


class ChatMessage(BaseModel):
    """One turn. `content` is a text, or a list of parts of type `text`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Any] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _text_or_parts(cls, content: object) -> object:
        match content:
            case str() | list() | None:
                return cast("object", content)
            case _:
                raise ValueError("it must be a text or a list of parts")

    def message(self, at: str) -> Message:
        """The turn as the library knows it; InvalidRequest where it holds more than text."""
        text = self.content if isinstance(self.content, str) else "\n".join(_texts(self.content or [], at))
        if "\0" in text:
            raise InvalidRequest(f"The field {at}.content holds a NUL character.", param=f"{at}.content")
        return Message(_ROLES[self.role], text)


def _texts(parts: list[Any], at: str) -> list[str]:
    texts: list[str] = []
    for number, part in enumerate(parts):
        match part:
            case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
                texts.append(text)
            case {"type": str(kind)} if kind != "text":
                raise InvalidRequest(
                    f"The field {at}.content[{number}] is of type {kind!r}; this model reads text only.",
                    param=f"{at}.content[{number}].type",
                    code="unsupported_content",
                )
            case _:
                raise InvalidRequest(
                    f'The field {at}.content[{number}] must look like {{"type": "text", "text": "..."}}.',
                    param=f"{at}.content[{number}]",
                    code="invalid_value",
                )
    return texts


class StreamOptions(BaseModel):
    """What a stream holds beside the answer."""

    include_usage: bool | None = None


_OrFalse = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]
_Tokens = Annotated[int, Field(ge=1)]


class ChatRequest(RequestBody):
    """The body of `POST /v1/chat/completions`."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: _OrFalse = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1)
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.n is not None and self.n > 1:
            raise InvalidRequest(
                f"The field n is {self.n}; this model writes one answer a request.",
                param="n",
                code="unsupported_value",
            )
        return self

    @property
    def tokens(self) -> int | None:
        """The limit on tokens, under its new name or its old."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with a chunk that holds the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def turns(self) -> tuple[tuple[Message, ...], str]:
        """The earlier turns, and the question: the last turn of the user."""
        messages = [message.message(f"messages[{i}]") for i, message in enumerate(self.messages)]
        asked = next((i for i in reversed(range(len(messages))) if messages[i].role == "user"), None)
        if asked is None:
            raise InvalidRequest("The field messages holds no turn of the user.", param="messages")
        question = messages[asked].text.strip()
        if not question:
            raise InvalidRequest(
                f"The question, messages[{asked}].content, is empty.", param=f"messages[{asked}].content"
            )
        return tuple(message for message in messages[:asked] if message.text), question


# -- replies -----------------------------------------------------------------------------------


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
    """The passage behind a `[n]`."""

    n: int
    id: str
    title: str
    source: str
    text: str


class TokenUsage(BaseModel):
    """Tokens that a run spent on models."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


FinishReason = Literal["stop", "length"]


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
