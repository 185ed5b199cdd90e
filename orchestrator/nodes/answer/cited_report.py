"""The cited report: a section an aspect, written by a language model or quoted, every citation verified."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.answer._draft import Draft, Part, Source
from orchestrator.nodes.answer._evidence import Evidence, focused, gather
from orchestrator.nodes.answer._extractive_answer import quotation, quotes
from orchestrator.nodes.answer._generated_answer import generated
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._quoting import BALANCE, NOTHING, aboutness, citation, within
from orchestrator.nodes.answer._sentence_scores import cosines, relevances, sentence_scores
from orchestrator.nodes.answer.compress import excerpts
from orchestrator.nodes.select.coverage import matrix
from orchestrator.ports import Documents, Embedder, LanguageModel, SparseEncoder
from orchestrator.text.quotation import readable
from orchestrator.types import Answer, Coverage, Hits, Passage, Queries, Query, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: How often a section's own words count against those of the question.
_EMPHASIS = 3
#: Sentences of a section that are embedded, and the most characters of a heading.
_EMBEDDED, _HEADING = 32, 90


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """An aspect with its evidence: what it may cite, by passage, and which sentences lie in that."""

    aspect: str
    evidence: Evidence
    cosine: NDArray[np.float32] | None
    allowed: tuple[int, ...]
    sources: Mapping[str, Source]


class CitedReport(Node):
    """Write a cited report: an introduction from the best passages, then a section for each aspect.

    The first `passages` hits are read. Each goes to the aspect that it covers best, at most `per_section` to
    one; the beginning of the report stands on the best of all of them. With a language model, the sections
    are written side by side from at most `tokens` tokens of excerpts, and streamed in their order, their
    citations verified on the way (`CitationFilter`). Without one, or where it fails, the best `sentences`
    are quoted, none twice, for each aspect and not for the beginning; `degraded` says so. If what was found
    is not about the question (`about` as in `CitedAnswer`), the report says that, and cites nothing; an
    aspect that nothing is about is left out.
    """

    passages: Count = 20
    per_section: Count = 4
    tokens: Count = 800
    sentences: Count = 3
    about: Share = 0.375
    max_tokens: Count = 400

    async def __call__(
        self,
        question: Question,
        hits: Hits,
        coverage: Coverage,
        queries: Queries | None,
        documents: Documents,
        encoder: SparseEncoder,
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> Answer:
        read = hits.top(self.passages)
        texts = await documents.passages(read.ids, principal=question.principal)
        asked = first_query(question, queries)
        planned = plan(asked.text, coverage, [one for one in read.ids if one in texts], self.per_section)
        sections = [
            await self._section(asked, aspect, [texts[one] for one in ids], encoder, embedder)
            for aspect, ids in planned
        ]
        quoted = await asyncio.to_thread(self._quoted, sections)
        if model.available and sections:
            if run.remaining is not None:
                run.offer(_quoted_report(run, sections, quoted, silent=True))
            told = question.instructions
            return await self._written(asked.text, told, sections, quoted, encoder, model, run)
        if not model.available:
            run.degrade("no language model is configured: the report quotes the documents")
        return _quoted_report(run, sections, quoted)

    async def _section(
        self,
        asked: Query,
        aspect: str,
        passages: Sequence[Passage],
        encoder: SparseEncoder,
        embedder: Embedder,
    ) -> Section:
        query = Query(f"{asked.text} {aspect}".strip()) if aspect else asked
        terms = question_terms(query, encoder)
        evidence = await asyncio.to_thread(gather, passages, terms, encoder)
        cosine = await cosines(evidence, query.text, embedder, limit=_EMBEDDED)

        def chosen() -> Section:
            scores = sentence_scores(evidence, cosine, BALANCE)
            context = excerpts(evidence, scores, tokens=self.tokens, per_passage=self.tokens, trade=0.9)
            by_id = {passage.id: passage for passage in passages}
            sources = {one.passage: Source(by_id[one.passage], one.spans) for one in context}
            allowed = tuple(within(evidence, context.excerpts))
            return Section(aspect, evidence, cosine, allowed, sources)

        return await asyncio.to_thread(chosen)

    def _quoted(self, sections: Sequence[Section]) -> list[list[tuple[str, Source]]]:
        """The paragraphs of each section, each with its passage; none if nothing is about the question.

        The beginning is quoted only where no aspect is: it would take the best sentences from them.
        """
        if not sections or aboutness(sections[0].evidence, sections[0].cosine) < self.about:
            return [[] for _ in sections]
        said: set[str] = set()
        aspects = [
            self._quotes(section, said) if aboutness(section.evidence, section.cosine) >= self.about else []
            for section in sections[1:]
        ]
        return [[] if any(aspects) else self._quotes(sections[0], said), *aspects]

    def _quotes(self, section: Section, said: set[str]) -> list[tuple[str, Source]]:
        """The best sentences of a section that were not said yet."""
        evidence = focused(section.evidence)
        relevance = relevances(evidence, section.cosine, BALANCE.dense)
        scores = sentence_scores(evidence, section.cosine, BALANCE)
        new = [row for row in section.allowed if _words(evidence, row) not in said]
        parts: list[tuple[str, Source]] = []
        for quote in quotes(evidence, scores, relevance, new, sentences=self.sentences):
            said.update(_words(evidence, row) for row in quote.rows)
            passage = evidence.passages[quote.passage]
            parts.append((quotation(evidence, quote, 1), section.sources[passage.id]))
        return parts

    async def _written(
        self,
        question: str,
        instructions: str,
        sections: Sequence[Section],
        quoted: Sequence[Sequence[tuple[str, Source]]],
        encoder: SparseEncoder,
        model: LanguageModel,
        run: Run,
    ) -> Answer:
        """The report as the model writes it, section by section; those it fails at are quoted."""
        draft = Draft(run, [heading(section.aspect) for section in sections])

        async def one(number: int, section: Section) -> None:
            part = Part(draft, number, section.sources)
            citations = [
                citation(n, source.passage, source.spans)
                for n, source in enumerate(section.sources.values(), 1)
            ]
            wanted = f"{question} ({section.aspect})" if section.aspect else question
            answer = citations and await generated(
                wanted,
                citations,
                model,
                encoder,
                part,
                max_tokens=self.max_tokens,
                instructions=instructions,
            )
            if not answer:
                _say(draft, number, quoted[number])
            draft.end(number)

        try:
            async with asyncio.TaskGroup() as group:
                for number, section in enumerate(sections):
                    group.create_task(one(number, section))
        except ExceptionGroup as failed:
            # One failing section stops the others; its error is the node's.
            raise failed.exceptions[0] from None
        return draft.answer if draft.answer.text else Answer(NOTHING)


def _quoted_report(
    run: Run,
    sections: Sequence[Section],
    quoted: Sequence[Sequence[tuple[str, Source]]],
    *,
    silent: bool = False,
) -> Answer:
    draft = Draft(None if silent else run, [heading(section.aspect) for section in sections])
    for number, parts in enumerate(quoted):
        _say(draft, number, parts)
        draft.end(number)
    if draft.answer.text:
        return draft.answer
    if not silent:
        run.emit(NOTHING)
    return Answer(NOTHING)


def _say(draft: Draft, section: int, parts: Sequence[tuple[str, Source]]) -> None:
    for number, (text, source) in enumerate(parts):
        draft.say(section, f"\n\n{text}" if number else text, (source,))


def plan(
    question: str, coverage: Coverage, ids: Sequence[str], per_section: int
) -> list[tuple[str, tuple[str, ...]]]:
    """(aspect, passages) of each section; the first has no aspect and the best passages of all.

    A passage belongs to the aspect that it has the largest share of, beside the question itself. An aspect
    without a passage has no section, and neither has one that is all there is: the beginning is about it.
    """
    if not ids:
        return []
    rows = {one: row for row, one in enumerate(coverage.ids)}
    shares = matrix(coverage)
    named = [number for number, aspect in enumerate(coverage.aspects) if aspect != question]
    found: dict[int, list[tuple[float, str]]] = {}
    for one in ids:
        row = rows.get(one)
        if row is not None and named:
            aspect = max(named, key=lambda number: (shares[row, number], -number))
            found.setdefault(aspect, []).append((-float(shares[row, aspect]), one))
    sections = [
        (coverage.aspects[aspect], tuple(one for _, one in sorted(found[aspect])[:per_section]))
        for aspect in sorted(found)
    ]
    lead = ("", tuple(ids[:per_section]))
    return [lead, *sections] if len(sections) > 1 else [lead]


def heading(aspect: str) -> str:
    """An aspect as a heading: one line of plain words, however it was written."""
    line = readable(" ".join(aspect.split()), "heading")
    line = "".join(" " if character in "#<>[]`*_|\\" else character for character in line)
    line = " ".join(line.split()).strip(" -:")
    if len(line) > _HEADING:
        line = f"{line[:_HEADING].rsplit(' ', 1)[0]} …"
    return line[:1].upper() + line[1:]


def _words(evidence: Evidence, row: int) -> str:
    return " ".join(evidence.candidates[row].text.split())
