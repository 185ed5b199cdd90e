"""Fields of records: lines `name: value` that belong together, and which of them an answer needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.nodes.answer._evidence import Evidence
from orchestrator.nodes.answer._field_lines import is_field
from orchestrator.types import Passage

#: Of fields that no word of the question chooses, so many characters are quoted whole.
_SHORT = 300


def with_fields(evidence: Evidence, group: set[int], allowed: Collection[int]) -> set[int]:
    """A quote's sentences with the fields beside them that say the rest of the question.

    Where no field says it, as "price" does not say "cost", all of them come along if they are short: those
    of a record of which only the text was chosen, or only the line that names it.
    """
    missing = frozenset(evidence.weights) - frozenset[int]().union(*(evidence.said[row] for row in group))
    if not missing:
        return group
    passage = evidence.candidates[min(group)].passage
    found = set(group)
    for block in _blocks(evidence, passage, allowed):
        chosen = group & set(block)
        alone = is_record(evidence.passages[passage]) and not any(map(group.__contains__, block))
        if not chosen and not alone:
            continue
        saying = {row for row in block if evidence.said[row] & missing}
        if saying:
            found |= saying
        elif (alone or chosen == {block[0]}) and _length(evidence, block) <= _SHORT:
            found |= set(block)
    return found


def _length(evidence: Evidence, rows: Collection[int]) -> int:
    return sum(len(evidence.candidates[row].text) for row in rows)


def is_record(passage: Passage) -> bool:
    """Whether a passage holds fields of a record: those that its metadata name."""
    return any(f"{name}: {value}" in passage.text for name, value in passage.metadata)


def _blocks(evidence: Evidence, passage: int, allowed: Collection[int]) -> Iterator[list[int]]:
    """The neighbouring lines of fields in a passage, those of one paragraph together."""
    text = evidence.passages[passage].text
    block: list[int] = []
    for row, candidate in enumerate(evidence.candidates):
        if candidate.passage != passage or candidate.sentence.kind != "prose" or row not in allowed:
            continue
        if not is_field(candidate.text):
            continue
        if block:
            before = evidence.candidates[block[-1]].sentence
            if block[-1] != row - 1 or "\n\n" in text[before.end : candidate.sentence.start]:
                yield block
                block = []
        block.append(row)
    if block:
        yield block
