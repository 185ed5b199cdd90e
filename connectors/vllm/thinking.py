"""The fields of a request that tell a model whether to think, and how much.

There is no common one. vLLM, llama.cpp and SGLang hand `chat_template_kwargs` to the chat template, whose
switch is `enable_thinking` (Qwen3, GLM) or `thinking` (DeepSeek, Granite); a template ignores the other. vLLM
cuts thoughts at `thinking_token_budget`, llama.cpp at `thinking_budget_tokens`. OpenAI and the compatible
endpoints of others know `reasoning_effort`. A server that lacks one refuses it, and is asked without it from
then on.
"""

from __future__ import annotations

from typing import Any

from connectors.vllm.answers import Json, table
from orchestrator.ports import Reasoning

#: Servers, by the `owned_by` of their models, whose templates have a switch: it costs nothing to set it.
_SWITCHED = frozenset({"vllm", "llamacpp", "sglang"})
#: Tokens up to which an effort is low or medium.
_LOW, _MEDIUM = 1024, 8192


def thinking_fields(maker: str, reasoning: Reasoning, *, thinks: bool) -> Json:
    """What to add to a request. `thinks` says that the model was seen thinking where it should not.

    A server of another make is not bothered as long as its model answers at once.
    """
    wanted = reasoning != 0
    if not wanted and not thinks and maker not in _SWITCHED:
        return {}
    fields: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": wanted, "thinking": wanted}}
    if maker not in _SWITCHED or (thinks and not wanted):
        fields |= {"reasoning_effort": _effort(reasoning)} if reasoning != "model" else {}
    if isinstance(reasoning, int) and wanted:
        named = {"vllm": "thinking_token_budget", "llamacpp": "thinking_budget_tokens"}.get(maker)
        fields |= {named: reasoning} if named else {}
    return fields


def with_fields(body: Json, fields: Json) -> Json:
    """A request with these fields, where it does not say otherwise itself."""
    merged = {**fields, **body}
    switches = table(fields.get("chat_template_kwargs"))
    if switches:
        merged["chat_template_kwargs"] = {**switches, **table(body.get("chat_template_kwargs"))}
    return merged


def _effort(reasoning: Reasoning) -> str:
    if reasoning == "model" or reasoning > _MEDIUM:
        return "high"
    if reasoning == 0:
        return "none"
    return "low" if reasoning <= _LOW else "medium"
