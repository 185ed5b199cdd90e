"""What bodies of requests have in common: read from JSON, refused by the first field that cannot be used."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ValidationError

from orchestrator.serving.wire.errors import refuse


class RequestBody(BaseModel):
    """The body of a request."""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """A request from its JSON; InvalidRequest names the first field that cannot be used."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            refuse(error.errors(include_url=False))

    @classmethod
    def described(cls) -> dict[str, Any]:
        """The part of an operation in an OpenAPI document that says what its body is."""
        schema = {"$ref": f"#/components/schemas/{cls.__name__}"}
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
