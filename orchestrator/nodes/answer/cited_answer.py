"""The cited answer: written by a language model where there is one, quoted from the documents where not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.answer._evidence import Evidence, focused, gather
from orchestrator.nodes.answer._extractive_answer import Quote, quotation, quotes, unsaid
from orchestrator.nodes.answer._generated_answer import generated
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._quoting import BALANCE, NOTHING, aboutness, citation, within
from orchestrator.nodes.answer._sentence_scores import placed_cosines, relevances, sentence_scores
from orchestrator.places import Place, place_at
from orchestrator.ports import Documents, Embedder, LanguageModel, SparseEncoder, reading
from orchestrator.text.languages import is_asking, possible_languages
from orchestrator.text.words import written_words
from orchestrator.types import Answer, Citation, Context, Queries, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Words that are nowhere are named in an answer if they carry this share of the question, or half of
#: it if they are names themselves: without its name, a question may be answered with something else.
_WEIGHTY = 0.5


class CitedAnswer(Node):
    """Answer the question from the context, with citations `[n]` numbered by first appearance.

    With a language model, the answer is written and streamed, its citations verified on the way
    (`CitationFilter`); the question's `instructions` are in the prompt. Without one, or if it fails before
    its first word, the best `sentences` are quoted; `degraded` says so.

    A quoted answer must be about the question, or the documents are said to hold none: the mean of
    two signs must reach `about`. The first is the largest share of the question's weight that one
    passage holds with its title, where rare words weigh more; the second the largest cosine that one
    sentence has with the question. So words alone suffice if a passage has nearly all of them,
    meaning alone only if it is nearly the same, and everyday words that any text has do not. In a language
    that the embedder does not read, one half stands for the second sign.
    """

    sentences: Count = 4
    about: Share = 0.375
    max_tokens: Count = 600

    async def __call__(
        self,
        question: Question,
        context: Context,
        queries: Queries | None,
        documents: Documents,
        encoder: SparseEncoder,
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> Answer:
        ids = [excerpt.passage for excerpt in context]
        passages = await documents.passages(ids, principal=question.principal)
        excerpts = [excerpt for excerpt in context if excerpt.passage in passages]
        citations = [
            citation(n, passages[excerpt.passage], excerpt.spans) for n, excerpt in enumerate(excerpts, 1)
        ]
        asked = first_query(question, queries)

        async def quoted() -> tuple[list[str], tuple[Citation, ...]]:
            ordered = [passages[excerpt.passage] for excerpt in excerpts]
            terms = question_terms(asked, encoder)
            evidence = await asyncio.to_thread(gather, ordered, terms, encoder, asked=asked.text)
            allowed = within(evidence, excerpts)
            alone, placed = await placed_cosines(evidence, asked.text, embedder, among=allowed)
            words, languages = reading(encoder, question.text), possible_languages(question.text)
            said = {
                word: words.query(word).indices
                for word in written_words(question.text)
                if not is_asking(word, languages)
            }
            return self._quoted(evidence, allowed, (alone, placed), said, citations)

        if model.available and citations:
            if run.remaining is not None:
                run.offer(_joined(*await quoted()))
            answer = await generated(
                asked.text,
                citations,
                model,
                encoder,
                run,
                max_tokens=self.max_tokens,
                instructions=question.instructions,
            )
            if answer is not None:
                return answer
        elif not model.available:
            run.degrade("no language model is configured: the answer quotes the documents")
        parts, cited = await quoted() if citations else ([NOTHING], ())
        for number, part in enumerate(parts):
            run.emit(part if number == 0 else f"\n\n{part}")
        return _joined(parts, cited)

    def _quoted(
        self,
        evidence: Evidence,
        allowed: Sequence[int],
        cosines: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
        said: Mapping[str, Sequence[int]],
        citations: Sequence[Citation],
    ) -> tuple[list[str], tuple[Citation, ...]]:
        """The paragraphs of a quoted answer and what they cite."""
        missing = unsaid(said, evidence)
        alone, placed = cosines
        about = aboutness(evidence, alone) >= self.about
        evidence = focused(evidence)
        scores = sentence_scores(evidence, placed, BALANCE)
        relevance = relevances(evidence, placed, BALANCE.dense)
        found = quotes(evidence, scores, relevance, allowed, sentences=self.sentences) if about else []
        if not found:
            return [" ".join([NOTHING, *_unmentioned(missing)])], ()
        parts = [quotation(evidence, quote, n) for n, quote in enumerate(found, 1)]
        lost = evidence.share(term for word in missing for term in said[word])
        named = any(word[0].isupper() or any(map(str.isdigit, word)) for word in missing)
        if lost >= (_WEIGHTY / 2 if named else _WEIGHTY):
            parts += _unmentioned(missing)
        by_id = {one.id: one for one in citations}
        cited = [by_id[evidence.passages[quote.passage].id] for quote in found]
        places = [_place(evidence, quote, scores) for quote in found]
        return parts, tuple(
            replace(one, n=n, page=place.page, section=place.section)
            for n, (one, place) in enumerate(zip(cited, places, strict=True), 1)
        )


def _place(evidence: Evidence, quote: Quote, scores: NDArray[np.float32]) -> Place:
    """Where the best sentence of a quotation stands; a table's header may stand pages before its row."""
    alone = [row for row in quote.rows if evidence.candidates[row].alone]
    best = max(alone or quote.rows, key=lambda row: float(scores[row]))
    return place_at(evidence.passages[quote.passage].places, evidence.candidates[best].sentence.start)


def _joined(parts: Sequence[str], citations: tuple[Citation, ...]) -> Answer:
    return Answer("\n\n".join(parts), citations)


def _unmentioned(words: Sequence[str]) -> list[str]:
    if not words:
        return []
    listed = ", ".join(f"“{word}”" for word in words)
    return [f"The passages found do not mention {listed}."]
