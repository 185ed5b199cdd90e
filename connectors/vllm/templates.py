"""Whether a chat template begins the thought of a model itself, so that its reply has only the end of one.

The templates of DeepSeek-R1 and of others end with `<think>`. A server that does not parse thoughts then
streams them like an answer, and nobody can tell before they end. vLLM shows the tokens of a prompt
(`/tokenize`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.vllm.answers import Json, text
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from orchestrator.text.thoughts import ThoughtFilter

#: Tokens at the end of a prompt in which a tag may stand.
_LAST = 16


async def begins_thought(line: Line, model: str, template: Json, tags: Iterable[str]) -> bool:
    """Whether a prompt of this model ends within a thought; False if the server does not say."""
    body: Json = {
        "model": model,
        "messages": [{"role": "user", "content": "?"}],
        "add_generation_prompt": True,
        "return_token_strs": True,
    }
    if template:
        body["chat_template_kwargs"] = template
    try:
        answer = await line.post("/tokenize", body, at_root=True)
    except Exception as error:
        if translated(error, line.server.address.root, model) is None:
            raise
        return False
    listed: Any = answer.get("token_strs")
    if not isinstance(listed, list):
        return False
    end = "".join(text(each) for each in listed[-_LAST:])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    read = ThoughtFilter(tags)
    read.feed(end)
    return read.unclosed
