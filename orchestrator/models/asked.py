"""What a model was asked, as caches and recordings find its answers by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.ports import Reasoning
from orchestrator.types import Message


def messages_of(prompt: Sequence[Message]) -> list[list[str]]:
    """The turns of a prompt as JSON has them."""
    return [[message.role, message.text] for message in prompt]


def beyond_defaults(*, top_p: float, reasoning: Reasoning) -> dict[str, Any]:
    """Settings of a call that are not as they are when nobody says anything.

    Answers that were kept before a setting existed are those of calls with its default.
    """
    told: dict[str, Any] = {}
    if top_p != 1.0:
        told["top_p"] = top_p
    if reasoning != 0:
        told["reasoning"] = reasoning
    return told
