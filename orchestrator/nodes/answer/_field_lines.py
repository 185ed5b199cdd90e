"""Lines `name: value` of a text, and the records that they make up."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.text.sentences import Sentence

_FIELD = re.compile(r"([^\s:][^:\n]{0,60}):[ \t]+\S.*")


def is_field(text: str) -> bool:
    """Whether each line of a text is a field."""
    return all(_FIELD.fullmatch(line.strip()) for line in text.split("\n"))


def record_leads(text: str, parts: Sequence[Sentence]) -> dict[int, int]:
    """Of paragraphs of fields that begin alike, and so are records: the first line of each other line."""
    blocks: list[list[int]] = []
    for number, part in enumerate(parts):
        if part.kind != "prose" or not is_field(text[part.start : part.end]):
            continue
        before = blocks[-1][-1] if blocks else -2
        if before == number - 1 and "\n\n" not in text[parts[before].end : part.start]:
            blocks[-1].append(number)
        else:
            blocks.append([number])
    blocks = [block for block in blocks if len(block) > 1]
    names = [text[parts[block[0]].start : parts[block[0]].end].partition(":")[0] for block in blocks]
    return {
        number: block[0]
        for block, name in zip(blocks, names, strict=True)
        if names.count(name) > 1
        for number in block[1:]
    }
