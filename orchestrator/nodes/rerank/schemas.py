"""JSON schemas of replies, made for the number of passages: servers that can, hold the model to them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@lru_cache(maxsize=128)
def scores_schema(size: int, highest: int) -> type[BaseModel]:
    """An integer from 0 to `highest` for each passage number, once."""
    from pydantic import Field, create_model

    grade = Annotated[int, Field(ge=0, le=highest)]
    fields: dict[str, Any] = {str(number): (grade, ...) for number in range(1, size + 1)}
    return create_model("Scores", __base__=_lenient(), **fields)


@lru_cache(maxsize=128)
def ranking_schema(size: int) -> type[BaseModel]:
    """A list of as many passage numbers as there are."""
    from pydantic import Field, create_model

    number = Annotated[int, Field(ge=1, le=size)]
    ranking: Any = Annotated[list[number], Field(min_length=size, max_length=size)]
    return create_model("Ranking", __base__=_lenient(), ranking=(ranking, ...))


@lru_cache(maxsize=1)
def _lenient() -> type[BaseModel]:
    """Takes any text: what a server that holds no model to a schema gives is read all the same."""
    from pydantic import BaseModel

    class Lenient(BaseModel):
        @classmethod
        def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Any:
            """An object without values, if there is a text: it is read by the strategy."""
            if not json_data.strip():
                raise ValueError("there is no text")
            return cls.model_construct()

    return Lenient
