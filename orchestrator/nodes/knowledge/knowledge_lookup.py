"""KnowledgeLookup: ranked facts of the knowledge graph about the entities of a question.

Source: KG-Rank (Yang et al., arXiv 2403.05881).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.knowledge.fact_ranking import (
    RankerName,
    at_random,
    by_growing_mmr,
    by_similarity,
    distinct,
)
from orchestrator.knowledge.linking import Likeness, Linked
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share
from orchestrator.nodes.knowledge._question_entities import best_entities, linked_names, named_terms
from orchestrator.ports import (
    Embedder,
    EntityFacts,
    Fact,
    Facts,
    GenerationRequest,
    KnowledgeStore,
    LanguageModel,
    SparseEncoder,
    scores_texts,
)
from orchestrator.text.tokens import token_count
from orchestrator.types import Message, Principal, Queries, Question

#: Facts of one entity that are looked at.
POOL = 2_000
#: Entities beside those of the question, whose facts a second hop adds.
BESIDE = 50
_ANSWER = "Answer the question in one or two sentences, from what you know."
UNKNOWN = "no entity of the question is known"


class KnowledgeLookup(Node):
    """Look up facts about the entities of the question, rank them, and keep the best of each.

    With a language model, it names the terms of the question (`terms`), which are linked to entities; without
    one, or if its reply cannot be read, the names in the question are. Each of at most `entities` has up to
    `per_entity` facts of those that begin or end in it (`hops=2`: or in a neighbour), cut together to
    `tokens`. Rankers: `similarity`; `answer_expansion` (similarity to the question with an answer that the
    model gives without facts); `mmr` (similar to the question and unlike one another); `rerank` (the first
    `prefilter` by similarity, then by the model's scores); `random`, the control. What needs a model that is
    not there is done by similarity, and the run says so. A question of no known entity has no facts, and the
    value says why. `spelling` and `meaning` are how alike a name must be that is not written as it is.
    """

    ranker: RankerName = "mmr"
    per_entity: Count = 20
    entities: Count = 5
    prefilter: Count = 200
    hops: Annotated[int, Field(ge=1, le=2)] = 1
    tokens: Count = 2_000
    terms: Literal["auto", "linking"] = "auto"
    spelling: Share = 0.6
    meaning: Share = 0.85
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        store: KnowledgeStore,
        encoder: SparseEncoder,
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> Facts:
        asked = first_query(question, queries).text
        principal = question.principal
        linked = await self._linked(asked, principal, store, encoder, embedder, model, run)
        ids = best_entities(linked, self.entities)
        known = await store.entities(ids, principal=principal)
        standing = {entity.id: entity for entity in known.values()}
        if not standing:
            run.degrade(f"{UNKNOWN}: no facts were added")
            return Facts(note=UNKNOWN)
        pools = {one: await self._pool(one, principal, store) for one in standing}
        wanted = await self._wanted(asked, model, run)
        ranked: list[EntityFacts] = []
        seen: set[str] = set()
        for one, entity in standing.items():
            pool = [fact for fact in pools[one] if fact.id not in seen]
            best = await self._best(asked, wanted, pool, embedder, model, run)
            seen.update(fact.id for fact in best)
            ranked.append(EntityFacts(entity, tuple(best)))
        return Facts(_within(ranked, self.tokens))

    async def _linked(
        self,
        asked: str,
        principal: Principal,
        store: KnowledgeStore,
        encoder: SparseEncoder,
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> list[Linked]:
        limits = Likeness(self.spelling, self.meaning)
        terms: list[str] = []
        if self.terms == "auto" and model.available:
            terms = await named_terms(asked, self.entities, model, run)
        found: list[Linked] = []
        for text in terms or [asked]:
            found += await linked_names(
                text, store, principal, encoder=encoder, embedder=embedder, likeness=limits
            )
        if terms and not found:
            found += await linked_names(
                asked, store, principal, encoder=encoder, embedder=embedder, likeness=limits
            )
        return found

    async def _pool(self, entity: str, principal: Principal, store: KnowledgeStore) -> list[Fact]:
        """The facts to choose from."""
        facts = list(await store.facts(entity, principal=principal, limit=POOL))
        if self.hops > 1:
            others = dict.fromkeys(end for fact in facts for end in (fact.head, fact.tail) if end != entity)
            for other in list(others)[:BESIDE]:
                facts += await store.facts(other, principal=principal, limit=POOL // BESIDE)
        return distinct(facts)

    async def _wanted(self, asked: str, model: LanguageModel, run: Run) -> str:
        """The text that facts are compared with."""
        if self.ranker != "answer_expansion":
            return asked
        if not model.available:
            run.degrade("no language model is configured: facts are ranked by similarity")
            return asked
        prompt = [Message("system", _ANSWER), Message("user", asked)]
        try:
            answer = (await model.generate(GenerationRequest(prompt, max_tokens=120))).text.strip()
        except (BudgetExhausted, ModelError) as error:
            run.degrade(f"facts are ranked by similarity: {error.told}")
            return asked
        return f"{asked} {answer}"

    async def _best(
        self,
        asked: str,
        wanted: str,
        pool: Sequence[Fact],
        embedder: Embedder,
        model: LanguageModel,
        run: Run,
    ) -> list[Fact]:
        if not pool:
            return []
        if self.ranker == "random":
            return [pool[row] for row in at_random(pool, self.per_entity, seed=asked)]
        question = (await embedder.embed([wanted], kind="query"))[0]
        vectors = await embedder.embed([fact.text for fact in pool], kind="passage")
        if self.ranker == "mmr":
            return [pool[row] for row in by_growing_mmr(question, vectors, self.per_entity)]
        if self.ranker == "rerank":
            first = [pool[row] for row in by_similarity(question, vectors, self.prefilter)]
            return await self._reranked(asked, first, model, run)
        return [pool[row] for row in by_similarity(question, vectors, self.per_entity)]

    async def _reranked(self, asked: str, first: list[Fact], model: LanguageModel, run: Run) -> list[Fact]:
        if not (model.available and scores_texts(model)):
            run.degrade("no model that scores is configured: facts are ranked by similarity")
            return first[: self.per_entity]
        try:
            scores = (await model.score(asked, [fact.text for fact in first])).values
        except (BudgetExhausted, ModelError) as error:
            run.degrade(f"facts are ranked by similarity: {error.told}")
            return first[: self.per_entity]
        order = sorted(range(len(first)), key=lambda row: (-scores[row], row))
        return [first[row] for row in order[: self.per_entity]]


def _within(ranked: Sequence[EntityFacts], tokens: int) -> tuple[EntityFacts, ...]:
    """Name and definition of every entity, then facts, the best of each in turn, as far as the tokens go."""
    kept: dict[int, list[Fact]] = {}
    left = tokens
    for place, each in enumerate(ranked):
        cost = token_count(f"{each.entity.name} {each.entity.definition}")
        if place and cost > left:
            break
        kept[place] = []
        left -= cost
    deepest = max((len(each.facts) for each in ranked), default=0)
    for rank in range(deepest):
        for place, facts in kept.items():
            if rank < len(ranked[place].facts):
                fact = ranked[place].facts[rank]
                cost = token_count(fact.text)
                if cost <= left:
                    facts.append(fact)
                    left -= cost
    return tuple(EntityFacts(ranked[place].entity, tuple(facts)) for place, facts in kept.items())
