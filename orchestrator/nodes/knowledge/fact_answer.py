"""FactAnswer: an answer from facts and excerpts, each fact cited by the passage or import that says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes.answer._generated_answer import generated
from orchestrator.nodes.answer._quoting import citation
from orchestrator.nodes.answer.cited_answer import CitedAnswer
from orchestrator.ports import Documents, Embedder, Fact, Facts, LanguageModel, SparseEncoder
from orchestrator.types import Answer, Citation, Context, Passage, Queries, Question


class FactAnswer(Node):
    """Answer the question from facts and excerpts, with citations `[n]` numbered by first appearance.

    A language model is shown the facts before the excerpts, each with the number of the one that says it.
    Without one, or if it writes nothing, the best `facts` are listed, and the run says so. Where no fact was
    found, it is a `CitedAnswer` with the same `sentences` and `about`.
    """

    facts: Count = 5
    sentences: Count = 4
    about: Share = 0.375
    max_tokens: Count = 600

    async def __call__(
        self,
        question: Question,
        found: Facts,
        context: Context | None,
        queries: Queries | None,
        documents: Documents,
        encoder: SparseEncoder,
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> Answer:
        excerpts = context or Context()
        ids = dict.fromkeys([*excerpts.passages, *found.passages])
        passages = await documents.passages(list(ids), principal=question.principal)
        # An import's labels were looked at with the facts; since then its reader may have lost a grant.
        told = [
            fact
            for fact in _in_turn(found)
            if (fact.passage in passages if fact.passage else fact.visible_to(question.principal))
        ]
        if not told:
            quoting = CitedAnswer(sentences=self.sentences, about=self.about, max_tokens=self.max_tokens)
            return await quoting(question, excerpts, queries, documents, encoder, embedder, model, run)
        citations = _citations(excerpts, told, passages)
        numbers = {each.id: each.n for each in citations}
        stated = [(fact.text, numbers[_cited_by(fact)]) for fact in told]
        if model.available:
            asked = first_query(question, queries).text
            answer = await generated(
                asked,
                citations,
                model,
                encoder,
                run,
                max_tokens=self.max_tokens,
                instructions=question.instructions,
                facts=stated,
            )
            if answer is not None:
                return answer
        else:
            run.degrade("no language model is configured: the answer lists facts")
        listed = _listed(stated[: self.facts], citations)
        run.emit(listed.text)
        return listed


def _in_turn(found: Facts) -> list[Fact]:
    """The best fact of each entity, then the second of each, and so on."""
    deepest = max((len(each.facts) for each in found.entities), default=0)
    return [each.facts[rank] for rank in range(deepest) for each in found.entities if rank < len(each.facts)]


def _cited_by(fact: Fact) -> str:
    """The id of what is cited for a fact."""
    return fact.passage or f"import:{fact.source}"


def _citations(context: Context, told: Sequence[Fact], passages: Mapping[str, Passage]) -> list[Citation]:
    """The excerpts, then passages that say facts and are no excerpts, then imports that say facts."""
    spans = {each.passage: each.spans for each in context if each.passage in passages}
    for fact in told:
        if fact.passage:
            spans.setdefault(fact.passage, ((0, len(passages[fact.passage].text)),))
    found = [citation(n, passages[one], each) for n, (one, each) in enumerate(spans.items(), 1)]
    imports: dict[str, list[Fact]] = {}
    for fact in told:
        if not fact.passage:
            imports.setdefault(_cited_by(fact), []).append(fact)
    for one, facts in imports.items():
        said = "\n".join(fact.text for fact in facts)
        first = facts[0]
        found.append(Citation(len(found) + 1, one, first.source, first.source, said, labels=first.labels))
    return found


def _listed(stated: Sequence[tuple[str, int]], citations: Sequence[Citation]) -> Answer:
    """Facts as a list, cited, numbered by first appearance."""
    order = {n: place for place, n in enumerate(dict.fromkeys(n for _, n in stated), 1)}
    text = "\n".join(f"- {fact} [{order[n]}]" for fact, n in stated)
    by_number = {each.n: each for each in citations}
    return Answer(text, tuple(replace(by_number[n], n=place) for n, place in order.items()))
