"""What a model was asked, as caches and recordings find its answers by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.ports import GenerationRequest
from orchestrator.types import Message

#: Settings that came later, and their defaults.
_SINCE: dict[str, Any] = {"top_p": 1.0, "reasoning": 0, "alternatives": 0}


def messages_of(prompt: Sequence[Message]) -> list[list[str]]:
    """The turns of a prompt as JSON has them."""
    return [[message.role, message.text] for message in prompt]


def asked_of(request: GenerationRequest) -> dict[str, Any]:
    """All that a text was asked for with.

    Answers that were kept before a setting existed are those of calls with its default: it is told only
    where it is another.
    """
    asked: dict[str, Any] = {
        "generate": messages_of(request.prompt),
        "schema": request.schema.model_json_schema() if request.schema else None,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    for name, default in _SINCE.items():
        if (value := getattr(request, name)) != default:
            asked[name] = value
    return asked
