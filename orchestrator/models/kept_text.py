"""Generated texts as caches and recordings keep them, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.ports import GeneratedToken, Generation
from orchestrator.types import Usage


def kept_of(made: Generation[Any]) -> dict[str, Any]:
    """What is kept of a text: all but what it cost. What is empty is left out."""
    kept: dict[str, Any] = {"text": made.text, "finish": made.finish}
    if made.reasoning:
        kept["reasoning"] = made.reasoning
    # The text may hold more than the object that was read from it.
    if made.parsed is not None:
        kept["object"] = made.parsed.model_dump_json(by_alias=True)
    if made.tokens:
        kept["tokens"] = [[token.start, token.text, dict(token.likeliest)] for token in made.tokens]
    return kept


def generation_of(kept: Mapping[str, Any], parsed: Any, usage: Usage | None = None) -> Generation[Any]:
    """The text that was kept; its object was read by the schema as it is now."""
    tokens = (GeneratedToken(*token) for token in kept.get("tokens", ()))
    thoughts = kept.get("reasoning", "")
    return Generation(kept["text"], parsed, usage or Usage(), kept["finish"], thoughts, tuple(tokens))
