"""Raw completions of a text or token ids without a chat template, for custom decoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.vllm import answers
from connectors.vllm.served import Served
from orchestrator.errors import BadInput
from orchestrator.types import Usage


@dataclass(frozen=True, slots=True)
class Completion:
    """What follows a prompt. `steps` has the log-probabilities by token id, where they were asked for."""

    text: str
    steps: tuple[Mapping[int, float], ...] = ()
    tokens: tuple[int, ...] = ()
    usage: Usage = field(default_factory=Usage)
    finish: Literal["stop", "length"] = "stop"


def completion_request(
    served: Served,
    prompt: str | Sequence[int],
    *,
    max_tokens: int,
    candidates: Sequence[int] | None,
    constraint: Mapping[str, Any] | None,
    stop: Sequence[str],
) -> dict[str, Any]:
    """The body of a request, but for what makes it random. BadInput if this server cannot do it."""
    if not served.vllm and (candidates or constraint):
        raise BadInput(
            f"{served.server} is not vLLM, which alone takes token ids and constraints.",
            hint="Serve the model with vLLM.",
        )
    body: dict[str, Any] = {
        "model": served.name,
        "prompt": prompt if isinstance(prompt, str) else list(prompt),
        "max_tokens": max_tokens,
    }
    if stop:
        body["stop"] = list(stop)
    if constraint:
        # Exactly one of json, regex, choice, grammar; vLLM ignores the guided_* fields of its past.
        body["structured_outputs"] = dict(constraint)
    if candidates:
        body |= {"logprobs": 1, "logprob_token_ids": list(candidates), "return_tokens_as_token_ids": True}
    return body


def read_completion(answer: dict[str, Any], choice: dict[str, Any]) -> Completion:
    """The completion that a server answered with."""
    told = answers.table(choice.get("logprobs"))
    listed = told.get("top_logprobs")
    steps = [answers.table(step) for step in listed] if isinstance(listed, list) else []  # pyright: ignore
    names = told.get("tokens")
    return Completion(
        answers.text(choice.get("text")),
        tuple({_id(name): float(value) for name, value in step.items()} for step in steps),
        tuple(_id(str(name)) for name in names) if isinstance(names, list) else (),  # pyright: ignore
        answers.usage(answer),
        answers.finish(choice.get("finish_reason")),
    )


def _id(name: str) -> int:
    digits = name.removeprefix("token_id:")
    return int(digits) if digits.isdecimal() else -1
