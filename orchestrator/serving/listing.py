"""Hits as an answer: numbered titles and snippets, each the citation of its number."""

from __future__ import annotations

import re

from orchestrator.graph.node import Node
from orchestrator.ports import Documents
from orchestrator.types import Answer, Citation, Hits, Passage, Question

_MARK = re.compile(r"\[(\d+)\]")
_WORD = re.compile(r"\w+")
_SENTENCE_START = re.compile(r"(?:\A|(?<=[.!?])\s+|\n\s*\n\s*)(?=\S)")


class Listing(Node):
    """What a workflow that only searches replies in a chat: the best `keep` passages.

    Each is a line with its title and a snippet of at most `snippet` characters, from where the
    passage has most of the question's words.
    """

    keep: int = 10
    snippet: int = 240

    async def __call__(self, hits: Hits, question: Question, documents: Documents) -> Answer:
        passages = await documents.passages(hits.top(self.keep).ids, principal=question.principal)
        if not passages:
            return Answer("Nothing was found.")
        words = frozenset(word.lower() for word in _WORD.findall(question.text) if len(word) > 2)
        lines: list[str] = []
        citations: list[Citation] = []
        for n, passage in enumerate(passages.values(), 1):
            text = snippet(passage.text, words, self.snippet)
            more = "" if text == " ".join(passage.text.split()) else " …"
            lines.append(f"{_unmarked(_title(passage))} [{n}]\n   {_unmarked(text)}{more}")
            citations.append(
                Citation(n, passage.id, passage.title, passage.source, text, passage.hash, passage.labels)
            )
        return Answer("\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1)), tuple(citations))


def snippet(text: str, words: frozenset[str], length: int) -> str:
    """The part of `text`, from the start of a sentence, that holds most of `words`; the first of equals."""
    starts = [match.end() for match in _SENTENCE_START.finditer(text)] or [0]

    def matches(start: int) -> int:
        found = {word.lower() for word in _WORD.findall(text[start : start + length])}
        return len(found & words)

    best = max(starts, key=lambda start: (matches(start), -start))
    end = best + length
    part = " ".join(text[best:end].split())
    within_a_word = end < len(text) and not any(map(str.isspace, text[end - 1 : end + 1]))
    return part.rsplit(" ", 1)[0] if within_a_word and " " in part else part


def _unmarked(text: str) -> str:
    """The text with its own `[7]`, a footnote perhaps, written so that it does not cite here."""
    return _MARK.sub(r"(\1)", text)


def _title(passage: Passage) -> str:
    return " ".join((passage.title or passage.document or passage.id).split())
