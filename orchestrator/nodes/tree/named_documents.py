"""NamedDocuments: search within the long documents that a question names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share, Weight
from orchestrator.nodes.tree._search import MOST_TREES, Sources
from orchestrator.nodes.tree._tree_documents import ForestDocuments, forest_documents, long_document
from orchestrator.ports import Documents, Embedder, SparseEncoder, TreeStore, VectorStore, reading, reads
from orchestrator.tree.long_document import LongDocument, WithinWeights
from orchestrator.tree.long_document_names import name_words
from orchestrator.types import Hit, Hits, Queries, Question, ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How much the best hit of a document counts beside its names, and the power that the sum is taken to.
_FOUND, _SHARPNESS = 0.2, 4
#: A name tells documents apart if of the hits that say it, at least this part is of documents that have it.
_TELLING = 0.75
#: A document that is named less than this part as well as the best one is not searched.
_LEAST = 0.6


class NamedDocuments(Node):
    """Search within the `documents` long documents that the question names best, and join what is found.

    A report's company and year, or a manual's edition, stand on its cover, in its title or in its file's
    name, and hardly on the page that answers. So passages inherit from the document that the tree has them
    below: `names` is how much its name counts beside what a passage says itself. Within a document, words
    count by how few of its pages have them, beside the cosine (`dense`), the `headings` above a passage, and
    the `numbers` on it where a question asks for a quantity.

    Hits before it, as of `Retrieve() >> NamedDocuments() >> TreeSearch()`, stay in the result, and help to
    tell documents of one name apart. They are the result where no document is named and they are of several.
    A word that other documents say as well, by the hits, is what a question is about, and names none.
    Documents of fewer than 8 passages are left alone.
    """

    documents: Count = 3
    keep: Count = 100
    names: Weight = 2.0
    headings: Weight = 0.15
    numbers: Weight = 0.3
    dense: Share | None = None
    index: IndexName = ""

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
        hits: Hits | None,
        trees: TreeStore,
        documents: Documents,
        vectors: VectorStore,
        embedder: Embedder,
        encoder: SparseEncoder,
    ) -> Hits:
        before = hits or Hits()
        sources = Sources(trees, documents, vectors, question.principal, question.filters)
        roots = [root.node for root in await trees.roots(principal=question.principal)][:MOST_TREES]
        forest = await forest_documents(sources, roots)
        if not forest.nodes:
            return before.top(self.keep)
        text = first_query(question, queries).text
        owners = await self._owners(sources, forest, before)
        likely = self._likely(forest, text, owners, before, filtered=bool(question.filters))
        if not await self._told_apart(sources, forest, text, owners):
            return before.top(self.keep)
        found = {
            hit.id: self._joined(hit.score, likely.get(owners.get(hit.id, ""), 0.0)) for hit in _even(before)
        }
        best = sorted(likely, key=lambda node: (-likely[node], node))[: self.documents]
        chosen = [node for node in best if likely[node] >= _LEAST]
        names = forest.names.within(text)
        vector = (await embedder.embed([text], kind="query"))[0] if chosen and reads(embedder, text) else None
        for node in chosen:
            within = await long_document(sources, node, encoder)
            for name, score in self._within(within, text, names, encoder, vector, embedder)[: self.keep]:
                found[name] = self._joined(score, likely[node])
        # What was counted before may be gone, or closed to the reader, by now.
        first = ranked([Hit(name, score, "named") for name, score in found.items()]).top(2 * self.keep)
        readable = await sources.passages(first.ids)
        return Hits(tuple(hit for hit in first if hit.id in readable)).top(self.keep)

    async def _owners(self, sources: Sources, forest: ForestDocuments, before: Hits) -> dict[str, str]:
        """The documents of hits, by their nodes."""
        known = set(forest.nodes)
        paths = await sources.trees.paths(before.ids, principal=sources.reader) if before else {}
        return {passage: node for passage, path in paths.items() for node in reversed(path) if node in known}

    async def _told_apart(
        self, sources: Sources, forest: ForestDocuments, text: str, owners: Mapping[str, str]
    ) -> bool:
        """Whether a name in the question says which document is meant, and is not just what it is about.

        A subject may stand in a title, too, but other documents speak of it as well: then what was found
        knows better.
        """
        names = forest.names.named(text)
        read = await sources.passages(list(owners))
        said = {name: name_words(passage.text) & names.keys() for name, passage in read.items()}
        for word, positions in names.items():
            having = {forest.nodes[at] for at in positions}
            saying = [owners[name] in having for name, words in said.items() if word in words]
            if sum(saying) >= _TELLING * len(saying):
                return True
        return not names

    def _likely(
        self, forest: ForestDocuments, text: str, owners: dict[str, str], before: Hits, *, filtered: bool
    ) -> dict[str, float]:
        """For each document, from 0 to 1, how well it is named beside the best; none if none is."""
        found: dict[str, float] = {}
        for hit in _even(before):
            if hit.id in owners:
                found[owners[hit.id]] = max(found.get(owners[hit.id], 0.0), hit.score)
        named = dict(zip(forest.nodes, forest.names.scores(text), strict=True))
        if filtered:
            named = {node: score for node, score in named.items() if node in found}
        # Whether there are other documents: short ones have no node of their own.
        others = len(owners) < len(before)
        if len(named) == 1 and not others:
            return dict.fromkeys(named, 1.0)
        if not any(named.values()) and (len(found) > 1 or others):
            return {}
        sums = {node: score + _FOUND * found.get(node, 0.0) for node, score in named.items()}
        highest = max(sums.values(), default=0.0)
        return {node: value / highest for node, value in sums.items()} if highest > 0 else {}

    def _within(
        self,
        within: LongDocument,
        text: str,
        names: str,
        encoder: SparseEncoder,
        vector: NDArray[np.float32] | None,
        embedder: Embedder,
    ) -> list[tuple[str, float]]:
        """Passages of a document with scores up to 1."""
        dense = self.dense
        if dense is None:
            dense = 0.5 if getattr(embedder, "static", False) else 1.0
        weights = WithinWeights(self.headings, self.numbers, dense)
        reader = reading(encoder, text)
        best = 1.0 + self.headings + self.numbers + (dense if vector is not None else 0.0)
        scores = within.scores(text, reader.query(text), vector, weights, reader.query(names))
        return [(name, score / best) for name, score in within.passage_scores(scores)]

    def _joined(self, score: float, likely: float) -> float:
        return (score + self.names * likely**_SHARPNESS) / (1.0 + self.names)


def _even(hits: Hits) -> list[Hit]:
    """Hits with scores over the highest of them."""
    highest = max((hit.score for hit in hits), default=0.0)
    return [Hit(hit.id, hit.score / highest if highest > 0 else 0.0, hit.why) for hit in hits]
