"""Structured output: what a server is told of a pydantic model, and what is read of its reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
ModelT = TypeVar("ModelT", bound="BaseModel")


def constraint(schema: type[BaseModel], *, vllm: bool) -> dict[str, Any]:
    """The fields of a request that hold the reply to a schema.

    vLLM is told to leave out free whitespace, into which a model may fall for ever.
    """
    described = schema.model_json_schema()
    if vllm:
        return {"structured_outputs": {"json": described, "disable_any_whitespace": True}}
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.__name__)[:64]
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": described}}}


def parsed(text: str, schema: type[ModelT]) -> ModelT:
    """The object that a reply holds; pydantic's ValidationError if there is none.

    A server without constrained decoding may put it into a fence or between sentences.
    """
    from pydantic import ValidationError

    bare = text.strip()
    try:
        return schema.model_validate_json(bare)
    except ValidationError:
        fenced = _FENCE.match(bare)
        inner = fenced.group(1) if fenced else bare[bare.find("{") : bare.rfind("}") + 1]
        if not inner or inner == bare:
            raise
        return schema.model_validate_json(inner)


def faults(error: Exception) -> str:
    """What is wrong with a reply, without repeating it."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_input=False, include_context=False)
    described = [
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" if each["loc"] else each["msg"] for each in found
    ]
    return "; ".join(described[:5])
