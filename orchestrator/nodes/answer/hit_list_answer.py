"""Hits as an answer: numbered titles and snippets, each the citation of its number."""

from __future__ import annotations

import asyncio

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count
from orchestrator.nodes.answer._candidates import Candidate
from orchestrator.nodes.answer._evidence import Evidence, gather
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.places import place_at
from orchestrator.ports import Documents, SparseEncoder
from orchestrator.text.quotation import readable, spaced_numbers
from orchestrator.types import Answer, Citation, Hits, Passage, Queries, Question


class HitListAnswer(Node):
    """Show hits as a chat answer: titles and snippets of the best `keep` passages, each with a citation.

    Each is a line with its title and a snippet of at most `snippet` characters: sentences in a row that
    hold most of the question's terms, weighed by their rarity. A citation holds them as they stand.
    """

    keep: Count = 10
    snippet: Count = 240

    async def __call__(
        self,
        hits: Hits,
        question: Question,
        queries: Queries | None,
        documents: Documents,
        encoder: SparseEncoder,
    ) -> Answer:
        passages = await documents.passages(hits.top(self.keep).ids, principal=question.principal)
        if not passages:
            return Answer("Nothing was found.")
        terms = question_terms(first_query(question, queries), encoder)
        evidence = await asyncio.to_thread(gather, passages.values(), terms, encoder)
        lines: list[str] = []
        citations: list[Citation] = []
        for number, passage in enumerate(passages.values()):
            shown = snippet(evidence, number, self.snippet)
            text = passage.text[shown[0].sentence.start : shown[-1].sentence.end] if shown else passage.text
            place = place_at(passage.places, shown[0].sentence.start if shown else 0)
            parts = [readable(one.text, one.sentence.kind) for one in shown] or [spaced_numbers(text)]
            n, title = number + 1, _title(passage)
            lines.append(f"{n}. {title} [{n}]\n   {_line(parts, self.snippet)}")
            citations.append(
                Citation(
                    n,
                    passage.id,
                    title,
                    passage.source,
                    text,
                    passage.hash,
                    passage.labels,
                    place.page,
                    place.section,
                )
            )
        return Answer("\n".join(lines), tuple(citations))


def snippet(evidence: Evidence, passage: int, length: int) -> list[Candidate]:
    """Sentences of a passage in a row, of at most `length` characters or else one, that answer best.

    The first of equals; empty for a passage without a sentence that can stand alone.
    """
    rows = [row for row, one in enumerate(evidence.candidates) if one.passage == passage]
    # Code says little in a line of text: it is shown only where there is nothing else.
    prose = [row for row in rows if evidence.candidates[row].sentence.kind not in ("code", "heading")]
    best: list[int] = []
    most = -1.0
    for window in _windows(evidence, prose, length) or _windows(evidence, rows, length):
        share = evidence.share(term for row in window for term in evidence.said[row])
        if share > most:
            best, most = window, share
    return [evidence.candidates[row] for row in best]


def _windows(evidence: Evidence, rows: list[int], length: int) -> list[list[int]]:
    """Neighbouring sentences of `rows`, from each that can stand alone as far as `length` goes."""
    found: list[list[int]] = []
    for at, first in enumerate(rows):
        if not evidence.candidates[first].alone:
            continue
        end = evidence.candidates[first].sentence.start + length
        window = [first]
        for row in rows[at + 1 :]:
            if row != window[-1] + 1 or evidence.candidates[row].sentence.end > end:
                break
            window.append(row)
        found.append(window)
    return found


def _line(parts: list[str], length: int) -> str:
    """Parts as one line of at most `length` characters, cut at a word where they are longer."""
    line = " ".join(" ".join(parts).split())
    if len(line) > length:
        line = line[: length + 1].rsplit(" ", 1)[0][:length] + " …"
    return line


def _title(passage: Passage) -> str:
    return spaced_numbers(" ".join((passage.title or passage.document or passage.id).split()))
