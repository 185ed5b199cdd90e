"""EntityWalk: passages across hops, along the entities that the facts of the best passages are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.knowledge.name_likeness import likeness
from orchestrator.knowledge.spreading import MentionEdge, Spreading
from orchestrator.knowledge.vocabulary_blocks import spelling_blocks
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share, Weight
from orchestrator.nodes.knowledge._asked_words import are_asked, asked_words
from orchestrator.nodes.knowledge.graph_search import merged
from orchestrator.ports import Documents, Fact, KnowledgeStore, SparseEncoder
from orchestrator.text.entity_names import folded, folded_words
from orchestrator.types import Hits, Queries, Question


class EntityWalk(Node):
    """Follow facts: fetch the passages that name an entity which a fact of the best passages is about.

    The best `sources` hits give `share` of their score, `share / 2` in the second of `hops`, to the passages
    that name an entity of their facts. With `beside`, a fact that has a word of the question counts more. An
    entity that more than `most` passages name leads nowhere, nor does one that the question names already.
    `synonyms` is how alike another entity's name must be to lead there as well, in proportion; 0: no other
    does. Needs imported or extracted facts; without any, the hits stay as they are. Reads no model.
    Sources: HippoRAG (arXiv 2405.14831), whose walk this is with a few steps and the highest share.
    """

    k: Count = 100
    sources: Count = 5
    share: Share = 0.5
    hops: Count = 2
    beside: Weight = 0.5
    most: Count = 5
    synonyms: Share = 0.6
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        store: KnowledgeStore,
        documents: Documents,
        encoder: SparseEncoder,
        run: Run,
    ) -> Hits:
        best = max((hit.score for hit in hits), default=0.0)
        unit = best if best > 0 else 1.0
        spreading = Spreading({hit.id: hit.score / unit for hit in hits})
        asked = folded_words(first_query(question, queries).text)
        walk = _Walk(self, question, asked, asked_words(asked.split(), encoder), store, documents)
        front = spreading.front(spreading.own, self.sources)
        seen: set[str] = set()
        for hop in range(1, self.hops + 1):
            new = [one for one in front if one not in seen]
            edges = await walk.edges(new, spreading, hop) if new else []
            if not edges:
                break
            seen.update(new)
            front = spreading.front(spreading.step(edges), self.sources)
        if spreading.given:
            run.note(spreading.paths)
        return merged(hits, spreading, unit, why="fact").top(self.k)


@dataclass(frozen=True)
class _Walk:
    """One walk: who asks what, and where it looks."""

    node: EntityWalk
    question: Question
    asked: str
    words: frozenset[str]
    store: KnowledgeStore
    documents: Documents

    async def edges(self, sources: Sequence[str], spreading: Spreading, hop: int) -> list[MentionEdge]:
        """From these passages to those that name the entities of their facts."""
        principal = self.question.principal
        facts = await self.store.said(sources, principal=principal)
        if not facts:
            return []
        titles = {
            one: folded(passage.title)
            for one, passage in (await self.documents.passages(list(facts), principal=principal)).items()
        }
        ends = {one: self._ends(said, titles.get(one, "")) for one, said in facts.items()}
        names = {entity: name for each in ends.values() for entity, (name, _) in each.items()}
        alike = await self._alike(names)
        wanted = dict.fromkeys([*names, *(other for each in alike.values() for other in each)])
        naming = await self.store.passages(list(wanted), principal=principal, most=self.node.most)
        share = self.node.share / hop
        found: list[MentionEdge] = []
        for source, each in ends.items():
            most = max((weight for _, weight in each.values()), default=1.0)
            for entity, (name, weight) in each.items():
                targets = self._targets(entity, alike.get(entity, {}), naming)
                targets.pop(source, None)
                if len(targets) > self.node.most:
                    continue
                given = share * weight / most * spreading.score(source)
                found += (
                    MentionEdge(source, target, name, hop, given * near / sqrt(len(targets)))
                    for target, near in targets.items()
                    if not self.question.filters or target in spreading.own
                )
        return found

    def _ends(self, facts: Iterable[Fact], title: str) -> dict[str, tuple[str, float]]:
        """The entities of facts that lead on, each with its name and what it counts."""
        found: dict[str, tuple[str, float]] = {}
        for fact in facts:
            weight = 1.0 + self.node.beside * are_asked(folded_words(fact.text).split(), self.words)
            for entity, name in ((fact.head, fact.head_name), (fact.tail, fact.tail_name)):
                lookup = folded(name)
                # What the question names, and what the passage is about, leads to nothing new.
                if lookup and lookup != title and f" {lookup} " not in f" {self.asked} ":
                    found[entity] = name, max(weight, found.get(entity, ("", 0.0))[1])
        return found

    async def _alike(self, names: Mapping[str, str]) -> dict[str, dict[str, float]]:
        """Other entities whose names are spelled alike, and how much so."""
        if not self.node.synonyms or not names:
            return {}
        vocabulary = await self.store.vocabulary(principal=self.question.principal)
        blocks = await spelling_blocks(vocabulary)
        if blocks is None:
            return {}
        found: dict[str, dict[str, float]] = {}
        for entity, name in names.items():
            lookup = folded(name)
            for other, _ in blocks.near(lookup, at_least=self.node.synonyms / 2):
                near = likeness(lookup, other)
                if other != lookup and near >= self.node.synonyms:
                    for one in vocabulary.names[other]:
                        found.setdefault(entity, {})[one.id] = near
        return found

    def _targets(
        self, entity: str, alike: Mapping[str, float], naming: Mapping[str, Sequence[str]]
    ) -> dict[str, float]:
        """The passages that an entity leads to, each with a weight up to 1."""
        found: dict[str, float] = {}
        for one, near in ((entity, 1.0), *alike.items()):
            for passage in naming.get(one, ()):
                found[passage] = max(near, found.get(passage, 0.0))
        return found
