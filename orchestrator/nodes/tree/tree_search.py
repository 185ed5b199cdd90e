"""TreeSearch: walk a semantic tree from the root down to the passages that matter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, IndexName, Share, Tally
from orchestrator.nodes._strategies import known_strategy, strategy
from orchestrator.nodes.tree._search import Sources, TreeSearching
from orchestrator.nodes.tree.scorers import Scoring, SlateScorer, TreeQuestion
from orchestrator.ports import Documents, Embedder, LanguageModel, TreeStore, VectorStore, scores_texts
from orchestrator.tree.search import WalkSettings
from orchestrator.types import Hits, Queries, Question

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
    After `patience` rounds in which nothing new comes among the first ten the search ends early.

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

    The trace of the run has the way that the search took, with the scores at each node (`SearchPath`).
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
        scorer = self.made_scorer(model, run)
        sources = Sources(trees, documents, vectors, reader, question.filters)
        settings = self.walk_settings(absolute=scorer.absolute)
        search = TreeSearching(asked, Scoring(scorer, asked), sources, settings, self.keep, run)
        await search.begin(roots, before.top(self.seeds))
        run.offer(search.hits())
        try:
            await search.go(self.rounds)
        finally:
            run.note(search.walk.path())
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
