"""Trials of reranking strategies with a language model on the judged sample, and what they recommend."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.bootstrap import Interval, interval
from orchestrator.errors import ModelError, OrchestratorError
from orchestrator.evaluation.judged_sample import JudgedQuestion, judged_sample
from orchestrator.graph.workflow import workflow
from orchestrator.models.wrapper import WrapperModel
from orchestrator.nodes import Rerank
from orchestrator.ports import Documents, Embedder, LanguageModel
from orchestrator.types import ANONYMOUS, Hit, Hits, Passage, Principal, Question, Usage

#: Strategies that ask a model, the cheap ones first. Others are made of these, or the same for six passages.
TRIED = ("listwise", "first", "yes_no", "graded", "groupwise", "elimination", "setwise", "pairwise")
#: What is recommended where no strategy orders better than the embedder, which costs no call of a model.
EMBEDDER_ORDER = "embedding"
#: Two means of nDCG@3 that differ by less are taken to be the same.
_TIE = 0.02


@dataclass(frozen=True, slots=True)
class StrategyTrial:
    """One strategy on the sample: nDCG@3 of each question, and what all of them cost.

    `embedded` is nDCG@3 of the embedder's order of the same passages, where there is an embedder. `error`
    says why it could not be tried to the end. `kept` counts the questions whose order was left as it was
    given, `degraded` what the runs said of themselves.
    """

    strategy: str
    scores: tuple[float, ...] = ()
    chance: tuple[float, ...] = ()
    given: tuple[float, ...] = ()
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    kept: int = 0
    degraded: tuple[str, ...] = ()
    error: str = ""
    embedded: tuple[float, ...] = ()

    @property
    def ndcg(self) -> float:
        """The mean nDCG@3."""
        return _mean(self.scores)

    @property
    def gain(self) -> Interval:
        """The mean gain over chance, with its 95 % interval over the questions."""
        return interval([score - chance for score, chance in zip(self.scores, self.chance, strict=True)])

    @property
    def over_embedder(self) -> Interval | None:
        """The mean gain over the embedder's order, with its interval; None without an embedder."""
        if not self.embedded or not self.scores:
            return None
        return interval([score - other for score, other in zip(self.scores, self.embedded, strict=True)])

    @property
    def follows(self) -> bool:
        """Whether the model clearly ranks better than chance by it, and better than the order given."""
        return not self.error and bool(self.scores) and self.gain.low > 0 and self.ndcg > _mean(self.given)

    def json(self) -> dict[str, Any]:
        """As plain values."""
        tried = {
            "ndcg@3": self.ndcg,
            "chance": _mean(self.chance),
            "given": _mean(self.given),
            "gain": self.gain._asdict(),
        }
        over = self.over_embedder
        if over is not None:
            tried |= {"embedder": _mean(self.embedded), "over_embedder": over._asdict()}
        return {
            "strategy": self.strategy,
            **(tried if self.scores else {}),
            "follows": self.follows,
            "calls": self.usage.calls,
            "tokens": self.usage.tokens,
            "seconds": round(self.seconds, 1),
            "kept": self.kept,
            "degraded": list(self.degraded),
            "error": self.error or None,
        }


async def strategy_trials(
    model: LanguageModel,
    strategies: Sequence[str] = TRIED,
    sample: Sequence[JudgedQuestion] | None = None,
    *,
    embedder: Embedder | None = None,
) -> AsyncIterator[StrategyTrial]:
    """Try each strategy in turn, beside the order of an embedder; one that fails is a trial with an error.

    The model is alone: where it fails, nothing stands in for it whose success would be taken for its own.
    """
    questions = judged_sample() if sample is None else sample
    embedded = await _embedded(embedder, questions) if embedder is not None else ()
    for name in strategies:
        yield replace(await _tried(name, _Alone(model), questions), embedded=embedded)


def recommended(trials: Sequence[StrategyTrial]) -> str:
    """The strategy that ranks best of those that the model follows; of equally good ones, the cheapest.

    If it follows none, or none that is better than the embedder's order, which costs nothing, it is this.
    """
    followed = [trial for trial in trials if trial.follows]
    if not followed:
        return EMBEDDER_ORDER
    best = max(trial.ndcg for trial in followed)
    if best - _TIE <= max(_mean(trial.embedded) for trial in followed):
        return EMBEDDER_ORDER
    near = [trial for trial in followed if trial.ndcg >= best - _TIE]
    return min(near, key=lambda trial: trial.usage.tokens).strategy


async def _embedded(embedder: Embedder, questions: Sequence[JudgedQuestion]) -> tuple[float, ...]:
    """nDCG@3 of the passages of each question by their cosine with it."""
    scores: list[float] = []
    for question in questions:
        (asked,) = await embedder.embed([question.text], kind="query")
        cosines = [float(one) for one in await embedder.embed(question.passages, kind="passage") @ asked]
        scores.append(question.ndcg(sorted(range(len(cosines)), key=lambda number: -cosines[number])))
    return tuple(scores)


async def _tried(name: str, model: LanguageModel, questions: Sequence[JudgedQuestion]) -> StrategyTrial:
    # The order that is given tells nothing here, so that no part of a score is the retriever's.
    flow = workflow("trial", Rerank(strategy=name, keep=6, weight=1.0), inputs=(Question, Hits))
    scores: list[float] = []
    said: dict[str, None] = {}
    usage, kept = Usage(), 0
    began = time.perf_counter()
    for question in questions:
        hits = _hits(question)
        ports: dict[Any, Any] = {Documents: _Sample(question), Embedder: _NoEmbedder(), LanguageModel: model}
        try:
            result = await flow.run(Question(question.text, ANONYMOUS), hits, ports=ports)
        except OrchestratorError as error:
            return StrategyTrial(name, usage=usage, seconds=time.perf_counter() - began, error=_reason(error))
        order = [int(one) for one in result.output.ids]
        scores.append(question.ndcg(order))
        usage = usage + result.usage
        kept += order == sorted(order)
        said.update(dict.fromkeys(result.degraded))
    return StrategyTrial(
        name,
        tuple(scores),
        tuple(question.chance for question in questions),
        tuple(question.given for question in questions),
        usage,
        time.perf_counter() - began,
        kept,
        tuple(said),
    )


class _Alone(WrapperModel):
    """The model, without the server of scores that it may have beside it."""

    @property
    def scores_texts(self) -> bool:
        """Never."""
        return False


class _NoEmbedder:
    """The `Embedder` port, of which nothing can be had."""

    name, dimensions = "none", 1

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        """Raises ModelError."""
        raise ModelError("There is no embedder in a trial.", hint="Try strategies that ask a language model.")


class _Sample:
    """The passages of one question, by their numbers."""

    def __init__(self, question: JudgedQuestion) -> None:
        self._passages = {
            str(number): Passage(str(number), str(number), text)
            for number, text in enumerate(question.passages)
        }

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> Mapping[str, Passage]:
        """Those of these ids."""
        return {one: self._passages[one] for one in ids if one in self._passages}


def _hits(question: JudgedQuestion) -> Hits:
    size = len(question.passages)
    return Hits(tuple(Hit(str(number), 1.0 - number / size) for number in range(size)))


def _reason(error: OrchestratorError) -> str:
    cause = error.__cause__
    return cause.message if isinstance(cause, OrchestratorError) else error.message


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
