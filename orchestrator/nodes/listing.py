"""Hits as an answer: numbered titles and snippets, each the citation of its number."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from orchestrator.graph.node import Node
from orchestrator.ports import Documents
from orchestrator.text.quotation import readable, spaced_numbers
from orchestrator.text.sentences import Sentence, sentences
from orchestrator.types import Answer, Citation, Hits, Passage, Question

Count = Annotated[int, Field(ge=1)]

_WORD = re.compile(r"\w+")


class Listing(Node):
    """What a workflow that only searches replies in a chat: the best `keep` passages.

    Each is a line with its title and a snippet of about `snippet` characters: whole sentences, from
    where the passage has most of the question's words. A citation holds the sentences as they stand.
    """

    keep: Count = 10
    snippet: Count = 240

    async def __call__(self, hits: Hits, question: Question, documents: Documents) -> Answer:
        passages = await documents.passages(hits.top(self.keep).ids, principal=question.principal)
        if not passages:
            return Answer("Nothing was found.")
        words = frozenset(word.lower() for word in _WORD.findall(question.text) if len(word) > 2)
        lines: list[str] = []
        citations: list[Citation] = []
        for n, passage in enumerate(passages.values(), 1):
            shown = snippet(passage.text, words, self.snippet)
            lines.append(f"{n}. {_title(passage)} [{n}]\n   {_read(passage.text, shown, self.snippet)}")
            excerpt = passage.text[shown[0].start : shown[-1].end] if shown else passage.text
            citations.append(
                Citation(
                    n, passage.id, _title(passage), passage.source, excerpt, passage.hash, passage.labels
                )
            )
        return Answer("\n".join(lines), tuple(citations))


def snippet(text: str, words: frozenset[str], length: int) -> list[Sentence]:
    """The sentences in a row, of at most `length` characters or else one, that hold most of `words`.

    The first of equals; empty for a text without a sentence.
    """
    found = [sentence for sentence in sentences(text) if sentence.kind != "heading"] or [*sentences(text)]
    best: list[Sentence] = []
    most = -1
    for number, first in enumerate(found):
        window = [first]
        for sentence in found[number + 1 :]:
            if sentence.end - first.start > length:
                break
            window.append(sentence)
        here = {word.lower() for each in window for word in _WORD.findall(text[each.start : each.end])}
        if len(here & words) > most:
            best, most = window, len(here & words)
    return best


def _read(text: str, shown: list[Sentence], length: int) -> str:
    """Sentences as one line of at most `length` characters, cut at a word where they are longer."""
    line = " ".join(readable(text[each.start : each.end], each.kind) for each in shown)
    line = " ".join(line.split())
    if len(line) > length:
        line = line[: length + 1].rsplit(" ", 1)[0][:length] + " …"
    return line


def _title(passage: Passage) -> str:
    return spaced_numbers(" ".join((passage.title or passage.document or passage.id).split()))
