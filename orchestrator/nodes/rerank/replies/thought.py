"""The answer of a reply, without the thoughts before it."""

from __future__ import annotations

import re

_TAG = re.compile(
    r"<(/?)(?:think|thinking|thought|thoughts|reason|reasons|reasoning|analysis|scratchpad)>", re.IGNORECASE
)
_ANSWER = re.compile(r"<answer>", re.IGNORECASE)
_END = re.compile(r"</answer>", re.IGNORECASE)


def answer_of(text: str) -> str:
    """What stands in the last `<answer>`, else behind the last thought; nothing of an unclosed thought."""
    begun = list(_ANSWER.finditer(text))
    if begun:
        return _END.split(text[begun[-1].end() :])[0]
    tags = list(_TAG.finditer(text))
    closed = [tag for tag in tags if tag.group(1)]
    start = closed[-1].end() if closed else 0
    opened = [tag for tag in tags if not tag.group(1) and tag.start() >= start]
    return text[start : opened[0].start() if opened else len(text)]
