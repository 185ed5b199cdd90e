"""The forms in which servers take texts to score, and give their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.vllm.answers import Json, rows
from orchestrator.errors import ModelError

#: The forms by name, as a setting chooses them.
FormName = Literal["vllm", "tei", "jina", "cohere"]


@dataclass(frozen=True, slots=True)
class Form:
    """Where a server scores, at vLLM's root or OpenAI's, and what it is asked with: model, query, texts."""

    name: FormName
    path: str
    at_root: bool
    body: Callable[[str, str, Sequence[str]], Json]


def _pairs(model: str, query: str, texts: Sequence[str]) -> Json:
    return {"model": model, "text_1": query, "text_2": list(texts), "truncate_prompt_tokens": -1}


def _documents(model: str, query: str, texts: Sequence[str]) -> Json:
    return {"model": model, "query": query, "documents": list(texts), "top_n": len(texts)}


def _without_documents(model: str, query: str, texts: Sequence[str]) -> Json:
    return {**_documents(model, query, texts), "return_documents": False}


def _texts(model: str, query: str, texts: Sequence[str]) -> Json:
    return {"query": query, "texts": list(texts), "truncate": True}


#: Those that a server is tried with, in this order, if no setting names one. vLLM and llama.cpp know the
#: second as well; Cohere has it at `/v1` and `/v2`.
FORMS: tuple[Form, ...] = (
    Form("vllm", "/score", True, _pairs),
    Form("jina", "/rerank", False, _without_documents),
    Form("cohere", "/rerank", False, _documents),
    Form("jina", "/rerank", True, _without_documents),
    Form("tei", "/rerank", True, _texts),
)
_BY_NAME: Mapping[FormName, tuple[Form, ...]] = {
    name: tuple(form for form in FORMS if form.name == name) for name in ("vllm", "tei", "jina", "cohere")
}


def forms_of(name: FormName | None) -> tuple[Form, ...]:
    """The forms to try: those of a name, or all."""
    return FORMS if name is None else _BY_NAME[name]


def scores_in(answer: Json, size: int, servers: str, model: str) -> tuple[float, ...]:
    """The score of each text, in their order; ModelError if there is not just one for each.

    vLLM answers with `data`, the others with `results` or a bare list, in the order of their scores.
    """
    found: dict[int, float] = {}
    listed = rows(answer.get("data")) or rows(answer.get("results"))
    for row in listed:
        index, score = row.get("index"), row.get("relevance_score", row.get("score"))
        if isinstance(index, int) and not isinstance(score, bool) and isinstance(score, int | float):
            found[index] = float(score)
    if len(listed) != size or set(found) != set(range(size)):
        missing = len(set(range(size)) - set(found))
        raise ModelError(
            f"The model server {servers} scored other texts than {model!r} was given: of {size}, {missing} "
            f"have no score, in {len(listed)} results.",
            hint="Look whether it serves a cross-encoder.",
        )
    if not all(map(math.isfinite, found.values())):
        raise ModelError(
            f"The model server {servers} gave scores that are no numbers for {model!r}.",
            hint="Serve the model with another --dtype.",
        )
    return tuple(found[number] for number in range(size))
