"""Scorers of slates: what judges how promising topics and how relevant passages are for a question.

An entry point `tree.NAME` of `orchestrator.strategies` makes a scorer; it is called once a search, without
arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.nodes.rerank.replies.scales import rescaled
from orchestrator.nodes.rerank.replies.scores import parse_amounts
from orchestrator.nodes.rerank.schemas import scores_schema
from orchestrator.nodes.rerank.strategies import Needs
from orchestrator.nodes.tree._prompts import slate_prompt
from orchestrator.ports import Embedder, LanguageModel, Reasoning, TreeNode
from orchestrator.tree.search import Slate
from orchestrator.tree.spread import expected_best

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Replies that are asked for before a slate is left to embeddings.
TRIES = 2
#: Slates in a row without a reply that could be read, after which the model is not asked any more.
GIVEN_UP = 4
#: The highest score that a model is asked for.
HIGHEST = 100
#: Tokens of one entry of the reply, `"12": 100, `, with room to spare.
_ENTRY_TOKENS = 8
#: Numbers that a reply is read for, to count those that name no entry of the slate.
_FAR = 1_000


@dataclass(slots=True)
class ScoringLog:
    """What came of the slates of one search, in numbers; `reasons` are the words of models that failed."""

    strangers: int = 0
    missing: int = 0
    stood_in: int = 0
    reasons: list[str] = field(default_factory=list[str])

    def said(self) -> list[str]:
        """What a run reports of it, a sentence each."""
        told: list[str] = []
        if self.stood_in:
            why = f" ({self.reasons[0].rstrip('.')})" if self.reasons else ""
            told.append(
                f"searched in part by embeddings: {self.stood_in} slates had no readable reply after {TRIES} "
                f"tries, or their model failed{why}"
            )
        if self.missing:
            told.append(f"searched in part: {self.missing} entries of slates were left out by replies")
        if self.strangers:
            told.append(f"rejected {self.strangers} scores of entries that were not in their slate")
        return told


@dataclass
class TreeQuestion:
    """What scorers are given of a search: the question, models, and what is known of nodes and passages.

    `topics` and `texts` are filled before a slate is scored; `vectors` are those of passages. `directions` is
    that of the tree (`orchestrator.tree.spread`).
    """

    text: str
    model: LanguageModel
    embedder: Embedder
    relevance: str = ""
    reasoning: Reasoning = 0
    seed: int = 0
    tokens: int = 300
    directions: float = 1.0
    vector: NDArray[np.float32] | None = None
    topics: dict[str, TreeNode] = field(default_factory=dict[str, TreeNode])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    vectors: dict[str, Any] = field(default_factory=dict[str, Any])
    log: ScoringLog = field(default_factory=ScoringLog)

    def shown(self, name: str) -> str:
        """The text of an entry, cut to `tokens`, at about five characters each."""
        text = self.topics[name].text if name in self.topics else self.texts.get(name, "")
        return text[: 5 * self.tokens]


class SlateScorer(Protocol):
    """Scores the entries of a slate in [0, 1]; entries that it has no score for are left out.

    `absolute` says that a score does not depend on what else a slate shows. ModelError where it cannot score;
    embeddings then take its place.
    """

    needs: ClassVar[Needs]
    absolute: ClassVar[bool]

    async def __call__(self, question: TreeQuestion, slate: Slate) -> Mapping[str, float]: ...


class EmbeddingScorer:
    """Cosines: of passages with the question, and of topics, what their best passage is expected to have.

    Half of it is above 0.5, so that a cosine of 0 is the middle of the scale.
    """

    needs: ClassVar[Needs] = "embedder"
    absolute: ClassVar[bool] = True

    async def __call__(self, question: TreeQuestion, slate: Slate) -> Mapping[str, float]:
        query = question.vector
        if query is None:
            query = (await question.embedder.embed([question.text], kind="query"))[0]
            question.vector = query
        found: dict[str, float] = {}
        for name in slate.entries:
            node = question.topics.get(name)
            if node is None and name in question.vectors:
                found[name] = float(query @ question.vectors[name])
            elif node is not None and node.vector is not None:
                found[name] = expected_best(query, node.vector, node.leaves, question.directions)
        return {name: (1.0 + max(-1.0, value)) / 2.0 for name, value in found.items()}


class RerankerScorer:
    """A server of scores (a cross-encoder), on the question and the text of each entry.

    Scores beyond [0, 1] are taken as logits, from the first such slate of a search on.
    """

    needs: ClassVar[Needs] = "scorer"
    absolute: ClassVar[bool] = True

    def __init__(self) -> None:
        self._logits = False

    async def __call__(self, question: TreeQuestion, slate: Slate) -> Mapping[str, float]:
        texts = [question.shown(name) for name in slate.entries]
        values = (await question.model.score(question.text, texts)).values
        self._logits = self._logits or any(not 0.0 <= value <= 1.0 for value in values)
        if self._logits:
            values = tuple(_logistic(value) for value in values)
        return dict(zip(slate.entries, values, strict=True))


class ModelScorer:
    """A language model, one call a slate, that gives each entry 0 to 100.

    A reply that cannot be read is asked for once more; ModelError if that cannot be read either. What names
    no entry of the slate is counted and dropped.
    """

    needs: ClassVar[Needs] = "language model"
    absolute: ClassVar[bool] = False

    async def __call__(self, question: TreeQuestion, slate: Slate) -> Mapping[str, float]:
        names = slate.entries
        prompt = slate_prompt(
            question.text,
            [question.shown(name) for name in names],
            slate.kind,
            relevance=question.relevance,
            reasons=bool(question.reasoning),
        )
        found: dict[int, float] = {}
        for attempt in range(TRIES):
            try:
                reply = await question.model.generate(
                    prompt,
                    schema=None if question.reasoning else scores_schema(len(names), HIGHEST),
                    max_tokens=32 + _ENTRY_TOKENS * len(names),
                    seed=question.seed + attempt,
                    reasoning=question.reasoning,
                )
            except (BudgetExhausted, ModelError):
                # What was read before stands.
                if not found:
                    raise
                break
            self._count_strangers(question, reply.text, len(names))
            found |= rescaled([parse_amounts(reply.text, len(names))], 0.0, float(HIGHEST))[0]
            if len(found) == len(names):
                break
        if not found:
            raise ModelError("No reply on a slate could be read.")
        question.log.missing += len(names) - len(found)
        return {names[at]: value / HIGHEST for at, value in found.items()}

    def _count_strangers(self, question: TreeQuestion, text: str, size: int) -> None:
        question.log.strangers += sum(at >= size for at in parse_amounts(text, _FAR))


@dataclass
class Scoring:
    """A scorer, and embeddings in its place for slates that it cannot score.

    After `GIVEN_UP` such slates in a row it is not asked for the rest of the search.
    """

    scorer: SlateScorer
    question: TreeQuestion
    _failed: int = 0

    @property
    def absolute(self) -> bool:
        """Whether a score does not depend on what else a slate shows."""
        return self.scorer.absolute

    @cached_property
    def _stand_in(self) -> SlateScorer:
        return EmbeddingScorer()

    async def __call__(self, slate: Slate) -> Mapping[str, float]:
        """The scores of a slate; BudgetExhausted passes, and ModelError where embeddings fail, too."""
        if self._failed < GIVEN_UP:
            try:
                found = _held(await self.scorer(self.question, slate))
            except BudgetExhausted:
                raise
            except ModelError as error:
                if isinstance(self.scorer, EmbeddingScorer):
                    raise
                self._failed += 1
                self.question.log.reasons.append(error.message)
            else:
                self._failed = 0
                return found
        self.question.log.stood_in += 1
        return _held(await self._stand_in(self.question, slate))


def _logistic(value: float) -> float:
    return value if math.isnan(value) else 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))


def _held(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores within [0, 1]; what is no number is none."""
    return {name: min(1.0, max(0.0, score)) for name, score in scores.items() if not math.isnan(score)}


def embedding() -> SlateScorer:
    """Embeddings of passages, and how near the best below a topic may be."""
    return EmbeddingScorer()


def reranker() -> SlateScorer:
    """A server of scores."""
    return RerankerScorer()


def model() -> SlateScorer:
    """A language model."""
    return ModelScorer()


def entries_of(slates: Sequence[Slate], kind: str) -> list[str]:
    """What slates of a kind show, each once: their children, and anchors of the same kind."""
    return list(dict.fromkeys(name for slate in slates if slate.kind == kind for name in slate.entries))
