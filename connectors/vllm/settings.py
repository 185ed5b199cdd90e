"""The settings of the connector: the table `[connectors.vllm]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from connectors.vllm.scoring_forms import FormName


def _several(given: object) -> object:
    """One address is a list of one."""
    return (given,) if isinstance(given, str) else given


class DecodeSettings(BaseModel):
    """Where the checkpoint of a generative ranker is served, whose beam search is then asked of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
    api_key: SecretStr | None = None


class VllmSettings(BaseModel):
    """How models think that always do, and in which form the server of `score_url` scores.

    `reasoning` are tokens that a model may think in every call, besides those of the call itself. `tags` are
    further ones between which it thinks: names, or beginning and end with a blank between them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning: Annotated[int, Field(ge=0)] | Literal["model"] = 0
    tags: tuple[str, ...] = ()
    score_form: FormName | None = None
    decode: DecodeSettings | None = None
