"""TreeSearch: walk a semantic tree from the root down to the passages that matter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from orchestrator.errors import BudgetExhausted
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share, Tally
from orchestrator.nodes._strategies import known_strategy, strategy
from orchestrator.nodes.rerank.candidates import normalised
from orchestrator.nodes.tree.scorers import Scoring, SlateScorer, TreeQuestion, entries_of
from orchestrator.ports import (
    Documents,
    Embedder,
    LanguageModel,
    TreeNode,
    TreeRoot,
    TreeStore,
    VectorStore,
    scores_texts,
)
from orchestrator.tree.search import Slate, TreeWalk, WalkSettings
from orchestrator.types import Filter, Hit, Hits, Passage, Principal, Queries, Question

#: Trees that are searched together; of a reader of more, the smaller ones are reached by hits alone.
MOST_TREES = 20
#: The node above several trees.
FOREST = "forest"

#: How path relevance and anchors are made: as the paper says, or as its released code does.
Variant = Literal["paper", "released"]


def _known_scorer(name: str) -> str:
    return name if name == "auto" else known_strategy("tree")(name)


Scorer = Annotated[str, AfterValidator(_known_scorer)]


class TreeSearch(Node):
    """Search the semantic tree of an index (LATTICE, arXiv 2510.13217), and keep the best `keep` passages.

    In each of `rounds`, the `beam` most relevant nodes are expanded, and a scorer judges their children,
    beside anchors: the best sibling, or `anchors` passages that were judged before. Scores of separate calls
    are brought to one scale (`solver`), and a node counts by its own score and its parent's path relevance,
    whose share is `alpha` (0.5 for a model, 0.3 for scorers whose scores do not depend on their company).
    After `patience` rounds without a change among the first ten the search ends early.

    `scorer` is `model`, `reranker`, `embedding`, a plug-in's, or `auto`: the language model if there is one,
    else embeddings. `relevance` says what makes a passage relevant in this collection, in words; `reasoning`
    lets a model think so many tokens before each reply. `variant="released"` takes anchors, solver and path
    relevance of the paper's released code.

    Hits before it, as of `Retrieve() >> TreeSearch()`, seed the search: their first `seeds` are part of the
    result, whatever is found, and the nodes above them are in the frontier from the start. So the result
    holds what the seeds held from the first round on. `seed_weight` is the share of their own score in the
    final one.

    Of several trees that the asker may read, each for a set of labels, the largest 20 are searched; passages
    of the others come from the seeds. Without a tree, the hits before it are the result, and the run says so.
    """

    rounds: Count = 20
    beam: Count = 2
    keep: Count = 100
    scorer: Scorer = "auto"
    alpha: Share | None = None
    anchors: Tally = 10
    solver: Literal["effects", "least_squares", "adam", "none", "last"] = "effects"
    variant: Variant = "paper"
    patience: Tally = 0
    seeds: Tally = 50
    seed_weight: Share = 0.0
    relevance: str = ""
    reasoning: Tally | Literal["model"] = 0
    tokens: Count = 300
    seed: int = 0
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
        model: LanguageModel,
        run: Run,
    ) -> Hits:
        reader = question.principal
        roots = await trees.roots(principal=reader)
        before = hits or Hits()
        if not roots:
            run.degrade("no tree of this index may be read: the hits before the search are its result")
            return before.top(self.keep)
        if missing := sum(root.missing for root in roots):
            run.degrade(f"the tree is older than its index and lacks {missing} passages: build it again")
        text = first_query(question, queries).text
        asked = TreeQuestion(
            text, model, embedder, self.relevance, self.reasoning, self.seed, self.tokens, roots[0].directions
        )
        search = Searching(self, asked, Sources(trees, documents, vectors, reader, question.filters), run)
        await search.begin(roots, before.top(self.seeds))
        run.offer(search.hits())
        await search.go()
        for told in asked.log.said():
            run.degrade(told)
        return search.hits()

    def walk_settings(self, *, absolute: bool) -> WalkSettings:
        """The settings of the search, for a scorer whose scores do or do not depend on their company."""
        alpha = self.alpha if self.alpha is not None else (0.3 if absolute else 0.5)
        released = self.variant == "released"
        return WalkSettings(
            beam=self.beam,
            alpha=alpha,
            anchors=0 if absolute else self.anchors,
            sibling=not absolute and self.anchors > 0,
            solver="adam" if released else self.solver,
            leaf_anchors="mixture" if released else "softmax",
            again=not released,
            patience=self.patience,
            seed=self.seed,
            seed_weight=self.seed_weight,
            raw_frontier=released,
            low_alone=released,
        )

    def made_scorer(self, model: LanguageModel, run: Run) -> SlateScorer:
        """The scorer that is named, or embeddings where what it needs is not there, which the run says."""
        name = self.scorer
        if name == "auto":
            name = "model" if model.available else "embedding"
        made: SlateScorer = strategy("tree", name)()
        lacks_model = made.needs == "language model" and not model.available
        lacks_scores = made.needs == "scorer" and not scores_texts(model)
        if lacks_model or lacks_scores:
            what = "language model" if lacks_model else "server of scores (score_url)"
            run.degrade(f"no {what} is configured: the tree is searched by embeddings")
            made = strategy("tree", "embedding")()
        return made


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a search reads: trees, texts and vectors, as one reader may, within the question's filters."""

    trees: TreeStore
    documents: Documents
    vectors: VectorStore
    reader: Principal
    filters: tuple[Filter, ...]

    async def passages(self, names: Sequence[str]) -> dict[str, Passage]:
        """The passages that exist, may be read and match the filters."""
        found = await self.documents.passages(names, principal=self.reader)
        return {name: one for name, one in found.items() if all(_matches(one, each) for each in self.filters)}


class Searching:
    """One search: its walk, and what was read for it."""

    def __init__(self, node: TreeSearch, asked: TreeQuestion, sources: Sources, run: Run) -> None:
        self._node = node
        self._asked = asked
        self._sources = sources
        self._run = run
        scorer = node.made_scorer(asked.model, run)
        self._score = Scoring(scorer, asked)
        self._absolute = scorer.absolute
        self._forest: TreeNode | None = None
        self._seeds: tuple[str, ...] = ()
        self.walk = TreeWalk("")

    async def begin(self, roots: Sequence[TreeRoot], seeds: Hits) -> None:
        """Start at the root of the tree, or above several; with hits that were found before."""
        searched = [root.node for root in roots[:MOST_TREES]]
        root = searched[0]
        if len(searched) > 1:
            leaves = sum(each.leaves for each in roots[:MOST_TREES])
            self._forest = TreeNode(FOREST, "root", "", "", tuple(searched), (), leaves)
            root = FOREST
        self.walk = TreeWalk(root, self._node.walk_settings(absolute=self._absolute), absolute=self._absolute)
        self._seeds = seeds.ids
        paths = await self._sources.trees.paths(seeds.ids, principal=self._sources.reader) if seeds else {}
        for hit, score in zip(seeds, normalised([hit.score for hit in seeds]), strict=True):
            path = paths.get(hit.id, ())
            if path and path[0] not in searched:
                path = ()
            above = (FOREST,) if self._forest else ()
            self.walk.seed(hit.id, (*above, *path), score)

    async def go(self) -> None:
        """Rounds until there are enough, the budget runs out, or there is nothing more to expand."""
        for _ in range(self._node.rounds):
            if self._run.exhausted or not await self._round():
                return
            if self._run.remaining is not None:
                self._run.offer(self.hits())

    async def _round(self) -> bool:
        """One round; whether there may be another."""
        nodes = await self._expanded(self.walk.beam())
        if not nodes:
            return False
        slates = await self._known(self.walk.slates(nodes))
        answers = await asyncio.gather(*(self._score(slate) for slate in slates), return_exceptions=True)
        scores: list[Mapping[str, float]] = []
        stopped: BudgetExhausted | None = None
        for answer in answers:
            if isinstance(answer, BudgetExhausted):
                stopped = answer
            elif isinstance(answer, BaseException):
                raise answer
            scores.append({} if isinstance(answer, BaseException) else answer)
        if stopped is not None:
            self._run.degrade(f"the tree was searched in part: {stopped.message.rstrip('.')}")
            kept = [(slate, given) for slate, given in zip(slates, scores, strict=True) if given]
            done = {slate.node for slate, _ in kept}
            slates, scores = [slate for slate, _ in kept], [given for _, given in kept]
            nodes = [node for node in nodes if node.id in done]
        self.walk.take(nodes, slates, scores)
        return stopped is None

    async def _expanded(self, beam: Sequence[str]) -> list[TreeNode]:
        """The nodes of the beam, with those of their passages that the question may find."""
        names = [name for name in beam if name != FOREST]
        reader = self._sources.reader
        found = await self._sources.trees.nodes(names, principal=reader) if names else {}
        passages = [passage for node in found.values() for passage in node.passages]
        await self._read(passages)
        texts = self._asked.texts
        whole = [
            replace(node, passages=tuple(passage for passage in node.passages if passage in texts))
            for node in found.values()
        ]
        gone = [name for name in names if name not in found]
        self.walk.forget(gone)
        if self._forest is not None and FOREST in beam:
            return [self._forest, *whole]
        return whole or (await self._expanded(self.walk.beam()) if gone else [])

    async def _known(self, slates: Sequence[Slate]) -> list[Slate]:
        """The slates, once all that they show was read; what cannot be read is left out of them."""
        missing = [name for name in entries_of(slates, "topics") if name not in self._asked.topics]
        if missing:
            self._asked.topics |= await self._sources.trees.nodes(missing, principal=self._sources.reader)
        await self._read(entries_of(slates, "leaves"))
        known = {**self._asked.topics, **self._asked.texts}
        return [
            replace(
                slate,
                children=tuple(name for name in slate.children if name in known),
                anchors=tuple(name for name in slate.anchors if name in known),
            )
            for slate in slates
        ]

    async def _read(self, passages: Sequence[str]) -> None:
        """Texts of passages, and their vectors where these are what is scored, or may stand in for it."""
        wanted = [name for name in dict.fromkeys(passages) if name not in self._asked.texts]
        if not wanted:
            return
        found = await self._sources.passages(wanted)
        self._asked.texts |= {name: _shown(one) for name, one in found.items()}
        read: Any = await self._sources.vectors.vectors(list(found), principal=self._sources.reader)
        self._asked.vectors |= read

    def hits(self) -> Hits:
        """The best passages so far. Those that seeded the search are among them, whatever their place."""
        ranking = self.walk.ranking()
        keep = self._node.keep
        first = set(self._seeds[:keep])
        room = keep - len(first)
        kept: list[Hit] = []
        for name, relevance in ranking:
            if name in first:
                kept.append(Hit(name, relevance, "tree"))
            elif room > 0 and name in self._asked.texts:
                room -= 1
                kept.append(Hit(name, relevance, "tree"))
        return Hits(tuple(kept))


def _shown(passage: Passage) -> str:
    if not passage.title or passage.text.startswith(passage.title):
        return passage.text
    return f"{passage.title}\n{passage.text}"


def _matches(passage: Passage, wanted: Filter) -> bool:
    return any(name == wanted.field and value in wanted.values for name, value in passage.metadata)
