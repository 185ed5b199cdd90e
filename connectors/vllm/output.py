"""Structured output: the request fields for a pydantic model, and parsing of the reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
ModelT = TypeVar("ModelT", bound="BaseModel")


#: Blanks that no reply needs, and that a model which is held to JSON may write for ever: vLLM 0.32 forbids
#: them by a setting of the server alone, and ignores the field of that name in a request.
_BLANKS = ["\n\n\n\n", " " * 48, "\t" * 8]


def constraint(schema: type[BaseModel]) -> dict[str, Any]:
    """The fields of a request that hold the reply to a schema, and end it in a run of blanks."""
    described = schema.model_json_schema()
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.__name__)[:64]
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": described}},
        "stop": _BLANKS,
    }


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
