"""Changes of a request to what a server takes: another name, a smaller number, another place, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise

from connectors.vllm.answers import Json, rows, table, text

#: The least that a model can be told to think, in this order.
EFFORTS = ("none", "minimal", "low")
#: Changes of a request by a value, such as a number; most need none.
Change = Callable[[Json, str], Json]
#: No log-probabilities beside a text.
BESIDE_TEXT = "logprobs:text"


def change(name: str) -> Change:
    kind, _, schema = name.partition(":")
    if kind == "response_format":
        return lambda body, value: _with_format(body, value, schema)
    return _CHANGES.get(kind, lambda body, _: without(body, kind))


def without(body: Json, *names: str) -> Json:
    return {key: value for key, value in body.items() if key not in names}


def _renamed(body: Json, _: str) -> Json:
    if "max_tokens" not in body:
        return body
    return {**without(body, "max_tokens"), "max_completion_tokens": body["max_tokens"]}


def _capped(body: Json, value: str) -> Json:
    return body | {
        name: min(body[name], int(value)) for name in ("max_tokens", "max_completion_tokens") if name in body
    }


def _listing(body: Json, value: str) -> Json:
    return {**body, "top_logprobs": int(value)} if body.get("top_logprobs", 0) > int(value) else body


def _trying(body: Json, value: str) -> Json:
    asked = body.get("reasoning_effort")
    if not value:
        return without(body, "reasoning_effort")
    less = asked in EFFORTS and EFFORTS.index(asked) < EFFORTS.index(value)
    return {**body, "reasoning_effort": value} if less else body


def _with_format(body: Json, value: str, only: str) -> Json:
    """The schema in the prompt, and the reply held to JSON or to nothing."""
    asked = table(body.get("response_format"))
    told = table(asked.get("json_schema"))
    if not asked or (only and text(told.get("name")) != only):
        return body
    body = dict(body)
    if told:
        schema = json.dumps(told.get("schema"), ensure_ascii=False)
        line = f"Reply with one JSON object that fits this JSON schema, and with nothing else:\n{schema}"
        messages = rows(body.get("messages"))
        last = next((n for n in reversed(range(len(messages))) if messages[n].get("role") == "user"), None)
        if last is None:
            messages = [*messages, {"role": "user", "content": line}]
        else:
            content = f"{text(messages[last].get('content'))}\n\n{line}"
            messages = [*messages[:last], {**messages[last], "content": content}, *messages[last + 1 :]]
        body["messages"] = messages
    if value == "json_object":
        return {**body, "response_format": {"type": "json_object"}}
    return without(body, "response_format")


def has_system(body: Json) -> bool:
    messages = rows(body.get("messages"))
    roles = [message.get("role") for message in messages]
    return "system" in roles or any(one == other for one, other in pairwise(roles))


def _folded(body: Json, _: str) -> Json:
    """The system's words at the beginning of the first turn of the user; turns of one role become one."""
    said: list[str] = []
    turns: list[Json] = []
    for message in rows(body.get("messages")):
        content = text(message.get("content"))
        if message.get("role") == "system":
            said.append(content)
        elif turns and turns[-1]["role"] == message.get("role"):
            turns[-1] = {**turns[-1], "content": f"{turns[-1]['content']}\n\n{content}"}
        else:
            turns.append(dict(message))
    if said:
        if turns and turns[0]["role"] == "user":
            turns[0] = {**turns[0], "content": "\n\n".join([*said, text(turns[0].get("content"))])}
        else:
            turns.insert(0, {"role": "user", "content": "\n\n".join(said)})
    return {**body, "messages": turns}


_CHANGES: Mapping[str, Change] = {
    "max_tokens": _renamed,
    "most_tokens": _capped,
    "top_logprobs": _listing,
    "reasoning_effort": _trying,
    "system": _folded,
    "logprob_token_ids": lambda body, _: without(body, "logprob_token_ids", "return_tokens_as_token_ids"),
    "logprobs": lambda body, _: body,
}
DESCRIBED: Mapping[str, str] = {
    "max_tokens": "`max_completion_tokens` stands for `max_tokens`",
    "most_tokens": "replies have at most {value} tokens",
    "top_logprobs": "the {value} likeliest tokens are listed",
    "logprobs": "there are no log-probabilities",
    BESIDE_TEXT: "texts come without log-probabilities",
    "logprob_token_ids": "log-probabilities are of the likeliest tokens",
    "system": "the system's words stand in the user's first turn",
    "reasoning_effort": "`reasoning_effort` is '{value}' at the least",
    "response_format": "a schema is asked for as {value}",
}
