"""Reads which field of a request a server refuses, and what to do about it.

The words are those of OpenAI, Azure, vLLM, llama.cpp, SGLang, TGI, Mistral, Groq, Ollama, LiteLLM, and of the
compatible endpoints of Gemini and Anthropic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.vllm.amendments import EFFORTS, has_system
from connectors.vllm.answers import Json, table, text
from connectors.vllm.error_bodies import ErrorBody

#: What a refusal of a field says besides its name.
_REFUSED = re.compile(
    r"unsupported|not (be )?(supported|permitted|allowed|implemented|available|valid|recogni[sz]ed|enabled)"
    r"|(does|do|can) ?n[o']t (support|accept|take|allow)|doesn't|unknown|unrecogni[sz]ed|unexpected|extra"
    r"|invalid|cannot find field|cannot unmarshal|no such|must be|should be|only the default|less than"
    r"|greater than|at most|max allowed|range|deprecated|forbidden|cannot|can only|failed|requires?"
    r"|must (not|contain)",
    re.IGNORECASE,
)
#: A schema that the server cannot hold a reply to, though it can hold it to others.
_OF_SCHEMA = re.compile(
    r"invalid schema|schema conversion|grammar|invalid json schema|in context=", re.IGNORECASE
)
_SYSTEM = re.compile(
    r"system['\"`]?[ _]?(role|message|prompt|instruction)|role['\"`]?s? .{0,40}system|'system'"
    r"|variant ['\"`]system"
    r"|developer instruction|roles must alternate|role.{0,20}(must|should) (be|alternate)",
    re.IGNORECASE,
)
# A common word, which must be named as a field.
_AS_FIELD = re.compile(
    r"['\"`\[.(]stop['\"`\],.:)]|\bstop(:| is not| supports)"
    r"|(argument|parameter|field|param|property|name)s?\W+(supplied\W+)?stop\b",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:at most|equal to|max(?:imum)? allowed:?|<=|and|up to)\s*`?(\d{1,7})\b", re.IGNORECASE
)

#: Fields that are left out when they are refused, with other names that servers have for them.
_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "stream_options": ("include_usage",),
    "stop": ("stop_sequences", "stopSequences"),
    "seed": (),
    "temperature": (),
    "top_p": ("topP",),
    "frequency_penalty": ("frequencyPenalty",),
    "cache_salt": (),
    "thinking_token_budget": ("reasoning_config", "reasoning-config"),
    "thinking_budget_tokens": (),
    "chat_template_kwargs": ("chat_template",),
    "truncate_prompt_tokens": (),
    "return_documents": (),
    "top_n": (),
    "encoding_format": (),
}


def proposed(error: ErrorBody, body: Json, own: frozenset[str]) -> list[tuple[str, str]]:
    """Amendments that a refusal asks for: those of the fields that it points at, else that its text names."""
    pointed = _names_in(" ".join(error.fields))
    changes = [each for name in _fields_of(body) if name in pointed for each in _for_field(name, error, body)]
    if not changes:
        named = _names_in(error.text)
        refused = bool(_REFUSED.search(error.text))
        changes = [
            each
            for name in _fields_of(body)
            # `stop` and `seed` are words, too; nobody says `stream_options` by the way.
            if name in named and (refused or ("_" in name and name != "max_tokens"))
            for each in _for_field(name, error, body)
        ]
    if not changes and has_system(body) and _SYSTEM.search(f"{' '.join(error.fields)} {error.text}"):
        changes = [("system", "")]
    if not changes and "response_format" in body and _OF_SCHEMA.search(error.text):
        changes = _format(error, body)
    return [(name, value) for name, value in changes if name.partition(":")[0] not in own]


def _fields_of(body: Json) -> list[str]:
    """The names by which a refusal may call what is in a request, ours first."""
    names: list[str] = []
    if "response_format" in body:
        names += ["response_format", "json_schema", "json_object", "responseFormat", "response_schema"]
    if "max_tokens" in body:
        names += ["max_tokens"]
    if "logprobs" in body:
        names += ["logprob_token_ids", "return_tokens_as_token_ids", "top_logprobs", "logprobs"]
    if "reasoning_effort" in body:
        names += ["reasoning_effort", "reasoning"]
    for name, others in _LEFT_OUT.items():
        if name in body:
            names += [name, *others]
    return names


def _names_in(told: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_-]*", told))


def _for_field(name: str, error: ErrorBody, body: Json) -> list[tuple[str, str]]:
    """What to do about one field that a refusal names."""
    if name in ("response_format", "json_schema", "json_object", "responseFormat", "response_schema"):
        return _format(error, body)
    if name == "max_tokens":
        return _shorter(error, body)
    if name in ("logprob_token_ids", "return_tokens_as_token_ids"):
        return [("logprob_token_ids", "")] if "logprob_token_ids" in body else []
    if name == "top_logprobs":
        return _fewer(error, body)
    if name == "logprobs":
        if _LIMIT.search(error.text):
            return _fewer(error, body)
        # It is named by the way where another field of the same kind is meant.
        return [] if {"top_logprobs", "logprob_token_ids"} & _names_in(error.text) else [("logprobs", "")]
    if name in ("reasoning_effort", "reasoning"):
        return _effort(error, body)
    if name == "stop" and "stop" not in error.fields and not _AS_FIELD.search(error.text):
        return []
    if name == "temperature" and "top_p" in body and re.search(r"\bboth\b", error.text):
        # Claude takes one of the two.
        return []
    return [(next(own for own, others in _LEFT_OUT.items() if name == own or name in others), "")]


def _format(error: ErrorBody, body: Json) -> list[tuple[str, str]]:
    """Structured output: JSON of any kind, then none but what the prompt asks for."""
    asked = table(body.get("response_format"))
    schema = text(table(asked.get("json_schema")).get("name"))
    if asked.get("type") != "json_schema":
        return [("response_format", "prompt")]
    if _OF_SCHEMA.search(error.text) and schema:
        return [(f"response_format:{schema}", "json_object")]
    offers = "json_object" in error.text
    return [("response_format", "json_object" if offers or "json_schema" in error.text else "prompt")]


def _shorter(error: ErrorBody, body: Json) -> list[tuple[str, str]]:
    if "could not finish" in error.text.lower():
        return []
    if "max_completion_tokens" in error.text or re.search(
        r"unsupported|not supported", error.text, re.IGNORECASE
    ):
        return [("max_tokens", "")]
    limit = _LIMIT.search(error.text)
    if limit and 0 < int(limit.group(1)) < int(body["max_tokens"]):
        return [("most_tokens", limit.group(1))]
    return []


def _fewer(error: ErrorBody, body: Json) -> list[tuple[str, str]]:
    if "top_logprobs" not in body:
        return []
    now = int(body["top_logprobs"])
    limits = [int(each) for each in _LIMIT.findall(error.text) if 0 < int(each) < now]
    if limits:
        return [("top_logprobs", str(limits[0]))]
    return [("top_logprobs", "5")] if now > 5 else [("logprobs", "")]


def _effort(error: ErrorBody, body: Json) -> list[tuple[str, str]]:
    """The least of the efforts that the server names; without one, the field is left out."""
    named = _names_in(error.text)
    offered = [each for each in EFFORTS if each in named and each != body["reasoning_effort"]]
    return [("reasoning_effort", offered[0] if offered and body["reasoning_effort"] in EFFORTS else "")]
