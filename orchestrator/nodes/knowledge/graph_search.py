"""GraphSearch: passages across hops, along the names of documents that the best passages mention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from orchestrator.graph.node import Node
from orchestrator.knowledge.mentions import Mention, NamingText, is_single
from orchestrator.knowledge.names_of_documents import without_trailing
from orchestrator.knowledge.rarity import needs_rare_word, rare_limit
from orchestrator.knowledge.spreading import MentionEdge, MentionPaths, Spreading
from orchestrator.knowledge.wording import folded_key, name_words, spelling_key
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share, Weight
from orchestrator.nodes.knowledge._asked_words import are_asked, asked_words
from orchestrator.ports import DocumentNames, Documents, NamedDocument, SparseEncoder
from orchestrator.types import Hit, Hits, Passage, Queries, Question, ranked

#: Words before and behind a mention that say what it is named for.
_BEFORE, _BEHIND = 4, 2


class GraphSearch(Node):
    """Follow mentions: fetch the documents that the best passages and the question name, as by links.

    A question of two steps ("where was the director of … born") finds the passage of its first step by its
    words; that of the second is named there. The best `sources` hits give `share` of their score to the
    documents whose title, heading, alias, defined term or file they name, `share / 2` in the second of
    `hops`; what is fetched gives on. A document that the question names gets `asked` times the best score.
    With `beside`, a mention counts more if words of the question stand next to it ("directed by …").

    A name of one word counts if it is rare, as one without two capital letters; a name that more than `most`
    documents have is none.
    Only what the reader may read is looked at, or counted. Without a name in any text, the hits stay as they
    are, so that it costs nothing where titles are no names. Reads no model, and needs no built graph: names
    follow their documents. The edges that were walked are in `MentionPaths`.
    """

    k: Count = 100
    sources: Count = 5
    share: Share = 0.7
    hops: Count = 2
    asked: Weight = 1.0
    beside: Weight = 0.5
    most: Count = 5

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits,
        documents: Documents,
        names: DocumentNames,
        encoder: SparseEncoder,
    ) -> tuple[MentionPaths, Hits]:
        asked = _Asked.of(first_query(question, queries).text, encoder)
        search = _Search(self, question, asked, documents, names, encoder)
        best = max((hit.score for hit in hits), default=0.0)
        unit = best if best > 0 else 1.0
        spreading = Spreading({hit.id: hit.score / unit for hit in hits})
        await search.name_in_question(spreading)
        await search.walk(spreading)
        return spreading.paths, merged(hits, spreading, unit).top(self.k)


def merged(hits: Hits, spreading: Spreading, unit: float, why: str = "mention") -> Hits:
    """The hits with what they were given, and those that were fetched; in units of the ranking's scores."""
    raised = spreading.raised
    if not raised:
        return hits
    known = {hit.id: hit for hit in hits}
    changed = {one: Hit(one, unit * spreading.score(one), _why(known.get(one), why)) for one in raised}
    return ranked([*(hit for hit in hits if hit.id not in changed), *changed.values()])


def _why(hit: Hit | None, why: str) -> str:
    return f"{hit.why}+{why}" if hit is not None and hit.why else why


@dataclass(frozen=True)
class _Asked:
    """The question as it is compared: its runs of words, and how its content words begin."""

    text: NamingText
    folded: str
    beginnings: frozenset[str]

    @classmethod
    def of(cls, text: str, encoder: SparseEncoder) -> _Asked:
        naming = NamingText(text)
        words = [word.text for word in naming.words]
        return cls(naming, f" {' '.join(words).casefold()} ", asked_words(words, encoder))

    def says(self, name: str) -> bool:
        """Whether the question holds a name, in whichever case."""
        return f" {name.casefold()} " in self.folded


@dataclass(frozen=True)
class _Search:
    """One walk: who asks what, and where it looks."""

    node: GraphSearch
    question: Question
    asked: _Asked
    documents: Documents
    names: DocumentNames
    encoder: SparseEncoder

    async def name_in_question(self, spreading: Spreading) -> None:
        """Give to the documents that the question names."""
        if not self.node.asked:
            return
        runs = self.asked.text.runs(any_case=True)
        found = await self.names.folded(
            [folded_key(run) for run in runs],
            principal=self.question.principal,
            filters=self.question.filters,
            most=self.node.most,
        )
        spelled: dict[str, dict[str, list[NamedDocument]]] = defaultdict(lambda: defaultdict(list))
        for one in await self._rare(found):
            spelled[one.words.casefold()][one.words].append(one)
        for mention, meant in self.asked.text.mentions_in_any_case(spelled):
            exact = (
                {mention.name: spelled[mention.name.casefold()][mention.name]}
                if is_single(mention.name)
                else None
            )
            for several in (
                exact or {each: spelled[mention.name.casefold()][each] for each in meant}
            ).values():
                spreading.name_in_question(((one.words, one.passage) for one in several), self.node.asked)

    async def walk(self, spreading: Spreading) -> None:
        """Give along mentions, hop by hop."""
        front = spreading.front({*spreading.own, *spreading.asked}, self.node.sources)
        seen: set[str] = set()
        for hop in range(1, self.node.hops + 1):
            new = [one for one in front if one not in seen]
            if not new:
                return
            seen.update(new)
            passages = await self.documents.passages(new, principal=self.question.principal)
            edges = await self._edges(list(passages.values()), spreading, hop)
            risen = spreading.step(edges)
            front = spreading.front(risen, self.node.sources)

    async def _edges(self, sources: Sequence[Passage], spreading: Spreading, hop: int) -> list[MentionEdge]:
        texts = {passage.id: NamingText(passage.text) for passage in sources}
        runs = {run for text in texts.values() for run in text.runs() if not self.asked.says(run)}
        found = await self.names.spelled(
            [spelling_key(run) for run in runs],
            principal=self.question.principal,
            filters=self.question.filters,
            most=self.node.most,
        )
        by_name: dict[str, list[NamedDocument]] = defaultdict(list)
        for one in await self._rare(found):
            by_name[one.words].append(one)
        share = self.node.share / hop
        return [
            MentionEdge(passage.id, target, name, hop, share * weight * spreading.score(passage.id))
            for passage in sources
            for name, target, weight in self._targets(passage, texts[passage.id], by_name)
        ]

    def _targets(
        self, passage: Passage, text: NamingText, by_name: Mapping[str, Sequence[NamedDocument]]
    ) -> Iterable[tuple[str, str, float]]:
        """The passages that a passage leads to, each with the name that leads there, and a weight up to 1."""
        own = {" ".join(name_words(title)) for title in (passage.title, without_trailing(passage.title))}
        beside: dict[str, bool] = {}
        for mention in text.mentions(by_name):
            if mention.name not in own:
                beside[mention.name] = beside.get(mention.name) or self._asked_beside(text, mention)
        most = 1.0 + self.node.beside if any(beside.values()) else 1.0
        for name, near in beside.items():
            meant = by_name[name]
            weight = (1.0 + self.node.beside * near) / most / sqrt(len(meant))
            for one in meant:
                if (one.document, one.source) != (passage.document, passage.source):
                    yield name, one.passage, weight

    def _asked_beside(self, text: NamingText, mention: Mention) -> bool:
        if not self.node.beside:
            return False
        return are_asked(text.around(mention, _BEFORE, _BEHIND), self.asked.beginnings)

    async def _rare(self, found: Collection[NamedDocument]) -> list[NamedDocument]:
        """Without names that are everyday speech among what the reader may read."""
        doubtful = {one.words for one in found if one.kind != "file" and needs_rare_word(one.words)}
        if not doubtful:
            return list(found)
        terms = {name: self.encoder.query(name).indices for name in doubtful}
        passages, frequencies = await self.names.frequencies(
            {term for each in terms.values() for term in each}, principal=self.question.principal
        )
        limit = rare_limit(passages)
        common = {
            name
            for name, each in terms.items()
            if not each or min(frequencies.get(term, 0) for term in each) > limit
        }
        return [one for one in found if one.words not in common]
