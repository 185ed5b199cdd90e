"""Rerank: reorder the best passages with a language model or an encoder, by a published strategy."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes._strategies import known_strategy, strategy
from orchestrator.nodes.rerank.candidates import Candidate, Task, normalised, permutation
from orchestrator.nodes.rerank.encoders import CrossEncoder, Embedding
from orchestrator.nodes.rerank.strategies import Strategy, StrategyFactory
from orchestrator.ports import Documents, Embedder, LanguageModel, ModelProfiles, scores_texts
from orchestrator.text.tokens import token_count
from orchestrator.types import Hits, Question

Tally = Annotated[int, Field(ge=0)]
Name = Annotated[str, AfterValidator(known_strategy("rerank"))]


class Rerank(Node):
    """Rerank the first `depth` hits with a strategy, and keep the best `keep`.

    `strategy` names it: `groupwise` (scores in groups of `group`, `repeats` times, in one round),
    `yes_no` and `graded` (every passage by itself), `pairwise`, `pairwise_all`, `pairwise_sliding`,
    `setwise` (comparisons), `listwise` (windows of `window` every `step`), `full` (one prompt), `first`
    (one token a window), `elimination`, `cross_encoder`, `embedding`, `e2rank`, and `cascade`
    (embedding, groupwise, then setwise on the best); `auto` is the one that `orchestrator doctor --model`
    recommends for the model. Passages are cut to `tokens`, as `token_count`
    estimates. Other distributions add strategies by entry points (docs/extending.md).

    The result is always a permutation of the input, cut to `keep`. Without a language model, passages
    are ordered by the cross-encoder if there is one, else by the embedder, and the run says so. Hits are
    scored by their new rank, from 1 downwards.
    """

    strategy: Name = "groupwise"
    keep: Count = 10
    depth: Count = 100
    group: Annotated[int, Field(ge=2)] = 10
    repeats: Count = 2
    weight: Share = 0.6
    calibrate: bool = True
    anchors: Tally = 0
    window: Annotated[int, Field(ge=2, le=26)] = 20
    step: Count = 10
    tokens: Count = 300
    seed: int = 0

    async def __call__(
        self,
        question: Question,
        hits: Hits,
        documents: Documents,
        model: LanguageModel,
        embedder: Embedder,
        profiles: ModelProfiles | None,
        run: Run,
    ) -> Hits:
        seen = hits.top(self.depth)
        passages = await documents.passages(seen.ids, principal=question.principal)
        readable = [hit for hit in seen if hit.id in passages]
        scores = normalised([hit.score for hit in readable])
        candidates = tuple(
            Candidate(hit.id, cut(_shown(passages[hit.id].title, passages[hit.id].text), self.tokens), score)
            for hit, score in zip(readable, scores, strict=True)
        )
        task = Task(question.text, candidates, model, embedder, run, self.seed, self.keep, self.strategy)
        task.profiles = profiles
        # Until something better is known.
        task.offer(range(len(candidates)))
        if len(candidates) > 1:
            order = permutation(await self.chosen(model, run)(task), len(candidates))
        else:
            order = list(range(len(candidates)))
        if task.unread:
            run.degrade(f"reranked in part: {len(task.unread)} passages kept the retriever's judgement")
        return task.hits(order)

    def chosen(self, model: LanguageModel, run: Run) -> Strategy:
        """The strategy to use: the one named, or what stands in for a model that is not there."""
        named = self.strategy_of(self.strategy)
        if model.available or getattr(named, "without_model", False):
            return named
        if scores_texts(model):
            if self.strategy != "cross_encoder":
                run.degrade("no language model is configured: passages are reranked by the cross-encoder")
            return CrossEncoder()
        lacking = "server of scores (score_url)" if self.strategy == "cross_encoder" else "language model"
        run.degrade(f"no {lacking} is configured: passages are reranked by embeddings")
        return Embedding()

    def strategy_of(self, name: str) -> Strategy:
        """The strategy of a name, with this node's settings."""
        make: StrategyFactory = strategy("rerank", name)
        return make(self)


def _shown(title: str, text: str) -> str:
    return f"{title}\n{text}" if title and not text.startswith(title) else text


def cut(text: str, tokens: int) -> str:
    """The beginning of a text that fits into so many tokens, cut between words."""
    if token_count(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if token_count(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    space = text.rfind(" ", 0, low)
    return text[: space if space > low // 2 else low]
