"""The wire types of requests of OpenAI's chat completions: what is honoured, refused and passed over.

A field that the endpoint can honour is honoured. One that would change what the answer is and cannot be
honoured is refused, by its name. Fields that only tune price, speed or storage at OpenAI, and fields that
nobody knows, have no effect. `docs/serving.md` has the table.

Source: the OpenAI API reference, chat completions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from orchestrator.models.client import ClientSettings
from orchestrator.ports import Reasoning
from orchestrator.serving.wire.errors import InvalidRequest
from orchestrator.serving.wire.request_body import RequestBody
from orchestrator.types import Message

#: As many stop sequences as OpenAI takes.
_STOPS = 4
#: Seeds are integers of 64 bits.
_SEED = 2**63
#: Servers take no share of nothing, which stands for the likeliest token alone.
_TOP_P = 0.001

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
#: Tokens that a model may think with, besides those of its text.
_REASONING: Mapping[Effort, Reasoning] = {
    "none": 0,
    "minimal": 0,
    "low": 1_024,
    "medium": 4_096,
    "high": 16_384,
    "xhigh": "model",
}


@dataclass(frozen=True, slots=True)
class Turns:
    """A conversation as the library knows it.

    `instructions` are the system and developer turns, `earlier` the turns before the question that hold
    text, `question` is the last turn of the user.
    """

    instructions: str
    earlier: tuple[Message, ...]
    question: str


class ChatMessage(BaseModel):
    """One turn. `content` is a text, or a list of parts; those of type `text` are read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Any] | None = None
    tool_calls: Any = None

    @field_validator("content", mode="before")
    @classmethod
    def _text_or_parts(cls, content: object) -> object:
        match content:
            case str() | list() | None:
                return cast("object", content)
            case _:
                raise ValueError("it must be a text or a list of parts")

    @property
    def instructs(self) -> bool:
        """Whether the turn holds instructions of the client."""
        return self.role in ("system", "developer")

    def text(self, at: str, *, whole: bool = False) -> str:
        """The text of the turn, its parts joined by line ends.

        What is no text is passed over; where the turn has to be read `whole`, it is an InvalidRequest.
        """
        text = self.content
        if not isinstance(text, str):
            text = "\n".join(_texts(self.content or [], at, whole=whole))
        if "\0" in text:
            raise InvalidRequest(f"The field {at}.content holds a NUL character.", param=f"{at}.content")
        return text


def _texts(parts: Sequence[Any], at: str, *, whole: bool) -> list[str]:
    texts: list[str] = []
    for number, part in enumerate(parts):
        match part:
            case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
                texts.append(text)
            case {"type": str(kind)} if kind != "text":
                if whole:
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
_Stop = Annotated[str, Field(min_length=1)]


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
    stop: _Stop | Annotated[list[_Stop], Field(max_length=_STOPS)] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2, strict=True)
    top_p: float | None = Field(default=None, ge=0, le=1, strict=True)
    seed: int | None = Field(default=None, ge=-_SEED, lt=_SEED)
    reasoning_effort: Effort | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    logit_bias: dict[str, Any] | None = None
    modalities: list[str] | None = None
    web_search_options: dict[str, Any] | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _some_texts(cls, stop: object) -> object:
        texts = cast("list[object]", stop) if isinstance(stop, list) else [] if stop is None else [stop]
        if len(texts) > _STOPS or not all(isinstance(each, str) and each for each in texts):
            raise ValueError(f"it must be a text, or up to {_STOPS} of them, and none may be empty")
        return cast("object", stop)

    @field_validator("tool_choice", "function_call", mode="before")
    @classmethod
    def _text_or_object(cls, choice: object) -> object:
        if not isinstance(choice, str | dict | None):
            raise ValueError("it must be a text or an object")
        return cast("object", choice)

    @model_validator(mode="after")
    def _supported(self) -> Self:
        for field, given, why in _unsupported(self):
            raise InvalidRequest(
                f"The field {field} is {given}; {why}.", param=field, code="unsupported_value"
            )
        return self

    @property
    def tokens(self) -> int | None:
        """The limit on tokens, under its new name or its old."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def settings(self) -> ClientSettings:
        """What the client asks of the text that it reads."""
        return ClientSettings(
            self.tokens,
            self.temperature,
            None if self.top_p is None else max(self.top_p, _TOP_P),
            self.seed,
            None if self.reasoning_effort is None else _REASONING[self.reasoning_effort],
        )

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop sequences."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with a chunk that holds the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def turns(self) -> Turns:
        """Instructions, earlier turns and the question; InvalidRequest where the last turn is none."""
        self._answerable()
        asked = self._asked()
        read = [(each, each.text(_at(i), whole=i == asked)) for i, each in enumerate(self.messages)]
        question = read[asked][1].strip()
        if not question:
            raise InvalidRequest(
                f"The question, {_at(asked)}.content, is empty.", param=f"{_at(asked)}.content"
            )
        told = [text.strip() for each, text in read if each.instructs]
        earlier = [
            Message(each.role, text)
            for each, text in read[:asked]
            if text and (each.role == "user" or each.role == "assistant")
        ]
        return Turns("\n\n".join(text for text in told if text), tuple(earlier), question)

    def _asked(self) -> int:
        """Which turn is the question."""
        for number in reversed(range(len(self.messages))):
            if self.messages[number].role == "user":
                return number
        raise InvalidRequest("The field messages holds no turn of the user.", param="messages")

    def _answerable(self) -> None:
        """InvalidRequest if the conversation ends in the middle of a tool call."""
        number, last = next(
            ((i, each) for i, each in reversed([*enumerate(self.messages)]) if not each.instructs),
            (0, self.messages[0]),
        )
        if last.role in ("tool", "function"):
            raise InvalidRequest(
                f"The last turn, {_at(number)}, is the result of a tool; this model calls none. End with "
                "a turn of the user.",
                param=f"{_at(number)}.role",
                code="unsupported_value",
            )
        if last.role == "assistant" and last.tool_calls:
            raise InvalidRequest(
                f"The last turn, {_at(number)}, calls a tool; this model answers questions. End with a "
                "turn of the user.",
                param=f"{_at(number)}.tool_calls",
                code="unsupported_value",
            )


def _at(number: int) -> str:
    return f"messages[{number}]"


def _unsupported(request: ChatRequest) -> list[tuple[str, str, str]]:
    """(field, what it is, why not) of fields that would make another thing of the answer."""
    found: list[tuple[str, str, str]] = []

    def refuse(field: str, given: object, why: str) -> None:
        shown = given if isinstance(given, str) else repr(given)
        found.append((field, shown if len(shown) <= 60 else f"{shown[:57]}...", why))

    if request.n is not None and request.n > 1:
        refuse("n", request.n, "this model writes one answer a request")
    form = request.response_format
    if form is not None and form.get("type") != "text":
        refuse("response_format", f"of type {form.get('type')!r}", "this model writes text with citations")
    if _forced(request.tool_choice):
        refuse("tool_choice", request.tool_choice, 'this model calls no tools, so it takes "auto" and "none"')
    if _forced(request.function_call):
        refuse("function_call", request.function_call, 'this model calls none, so it takes "auto" and "none"')
    if request.logprobs:
        refuse("logprobs", "true", "an answer with citations has no log-probabilities")
    if request.top_logprobs:
        refuse("top_logprobs", request.top_logprobs, "an answer with citations has no log-probabilities")
    if request.logit_bias:
        refuse("logit_bias", request.logit_bias, "the tokens of an answer cannot be weighed")
    if other := [each for each in request.modalities or () if each != "text"]:
        refuse("modalities", other, "this model writes text")
    if request.web_search_options is not None:
        refuse("web_search_options", request.web_search_options, "this model answers from its own index")
    return found


def _forced(choice: str | Mapping[str, Any] | None) -> bool:
    """Whether a tool has to be called."""
    match choice:
        case None | "auto" | "none":
            return False
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}:
            return False
        case _:
            return True
