"""What servers refuse, in their own words: for the scripted server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.services.scripted import Asked, Reply, completion, serving, step


def openai_says(message: str, param: str | None = None, code: str = "unsupported_parameter") -> Reply:
    """The shape of OpenAI, Azure, Groq and vLLM."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Reply({"error": error}, 400)


def pydantic_says(field: str, what: str = "Extra inputs are not permitted", status: int = 422) -> Reply:
    """The shape of FastAPI."""
    place = {"type": "extra_forbidden", "loc": ["body", field], "msg": what, "input": {"seed": 1}}
    return Reply({"detail": [place]}, status)


def mistral_says(field: str) -> Reply:
    """The shape of Mistral."""
    place = {"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted"}
    told = {"object": "error", "message": {"detail": [place]}, "type": "invalid_request_error", "code": None}
    return Reply(told, 422)


def gemini_says(message: str) -> Reply:
    """The shape of Gemini's compatible endpoint: a list of one error."""
    return Reply([{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}], 400)


def litellm_says(message: str) -> Reply:
    """The shape of LiteLLM's proxy."""
    return Reply({"error": {"message": message, "type": "None", "param": "None", "code": "400"}}, 400)


def tgi_says(message: str) -> Reply:
    """The shape of text-generation-inference."""
    return Reply({"error": message, "error_type": "validation"}, 422)


def llamacpp_says(message: str, status: int = 400) -> Reply:
    """The shape of llama.cpp."""
    return Reply({"error": {"code": status, "message": message, "type": "invalid_request_error"}}, status)


def anthropic_says(message: str) -> Reply:
    """The shape of Anthropic's compatible endpoint."""
    return Reply({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400)


def fussy(*refusals: tuple[Callable[[Any], bool], Reply], text: str = "good") -> Callable[[Asked], Any]:
    """A server that refuses every request for which one of the conditions holds."""

    def chat(asked: Asked) -> Reply:
        for refused, reply in refusals:
            if refused(asked.body):
                return reply
        likeliest = step(("yes", -0.1), ("no", -2.5)) if asked.body.get("logprobs") else None
        return Reply(completion(text, logprobs=likeliest))

    return serving(chat)


def has(name: str) -> Callable[[Any], bool]:
    """A request with a field."""
    return lambda body: name in body


def schema(body: Any) -> bool:
    """A request for a JSON schema."""
    return body.get("response_format", {}).get("type") == "json_schema"


def system(body: Any) -> bool:
    """A request with the words of a system."""
    return any(message["role"] == "system" for message in body["messages"])


def lists_more_than(most: int) -> Callable[[Any], bool]:
    """A request for more of the likeliest tokens."""
    return lambda body: body.get("top_logprobs", 0) > most
