"""Rerank: reorder the best passages with a language model or an encoder, by a published strategy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from orchestrator.errors import ModelError
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import first_query
from orchestrator.nodes._settings import Count, Share
from orchestrator.nodes._strategies import known_strategy, strategy
from orchestrator.nodes.rerank.candidates import Candidate, Ranking, Task, normalised
from orchestrator.nodes.rerank.criteria import CRITERIA, criterion_of
from orchestrator.nodes.rerank.encoders import CrossEncoder, Embedding
from orchestrator.nodes.rerank.prompts import Prompts, fault_of
from orchestrator.nodes.rerank.reply_log import ReplyLog
from orchestrator.nodes.rerank.strategies import Needs, Strategy, StrategyFactory
from orchestrator.ports import Documents, Embedder, LanguageModel, ModelProfiles, scores_texts
from orchestrator.text.tokens import token_count
from orchestrator.types import Hits, Queries, Question

#: What takes the place of a strategy whose model is not there or fails, the first that can.
STAND_INS: tuple[tuple[str, Strategy], ...] = (
    ("the cross-encoder", CrossEncoder()),
    ("embeddings", Embedding()),
)


def _known_criterion(told: str) -> str:
    """A criterion by name, or in several words."""
    if told not in CRITERIA and len(told.split()) < 2:
        raise ValueError(
            f"there is no criterion of this name; there are {', '.join(CRITERIA)}: or say in words what a "
            'passage does, such as "states the dose of the drug"'
        )
    return told


def _usable_prompt(told: str) -> str:
    if told and (fault := fault_of(told)):
        raise ValueError(fault)
    return told


Tally = Annotated[int, Field(ge=0)]
Name = Annotated[str, AfterValidator(known_strategy("rerank"))]
Judged = Annotated[str, AfterValidator(_known_criterion)]
OwnPrompt = Annotated[str, AfterValidator(_usable_prompt)]
Grades = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=20)]


class Rerank(Node):
    """Rerank the first `depth` hits with a strategy, and keep the best `keep`.

    `strategy` names it: `groupwise` (scores in groups of `group`, `repeats` times, in one round),
    `yes_no` and `graded` (every passage by itself), `pairwise`, `pairwise_all`, `pairwise_sliding`,
    `setwise` (comparisons), `listwise` (windows of `window` every `step`), `full` (one prompt), `first`
    (one token a window), `elimination`, `cross_encoder`, `embedding`, `e2rank`, and `cascade`
    (embedding, groupwise, then setwise on the best); `auto` is the one that `orchestrator doctor --model`
    recommends for the model. Passages are cut to `tokens`, as `token_count` estimates. Other distributions
    add strategies by entry points (docs/extending.md).

    `criterion` is what passages are judged by: a name of `CRITERIA`, or words such as "states the dose of
    the drug". `grades` name the grades of a scale from the worst to the best; without them it is 0 to 10.
    `prompt` is one's own, with places for `{question}` and `{passages}`. `reasoning` lets the model think so
    many tokens before each answer, or as many as it likes ("model"). With `stop`, passages that rank
    below a stop candidate are left out (`groupwise`, `setwise`, `listwise`, `full`, `cascade`). With
    `expectation`, `groupwise` takes for a grade the mean of those that the model might have written, weighted
    by their probabilities, where its server gives these. `judged_by` is the question, or the first of the
    queries, which within `each` is that of one aspect (`AskFacet`).

    The result is always a permutation of the input, cut to `keep` or by `stop`. Without a language model, or
    if all calls fail, passages are ordered by the cross-encoder if there is one, else by the embedder, and
    the run says so. Hits keep the judge's score where there is one: grades and probabilities from 0 to 1,
    cosines, a cross-encoder's scores as they are. Where a strategy only orders, they are scored by rank, from
    1 downwards.
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
    reasoning: Tally | Literal["model"] = 0
    criterion: Judged = "answers"
    grades: Grades = ()
    prompt: OwnPrompt = ""
    stop: bool = False
    expectation: bool = True
    judged_by: Literal["question", "query"] = "question"

    @model_validator(mode="after")
    def _together(self) -> Rerank:
        """Settings that fit each other."""
        if len(self.grades) == 1:
            raise ValueError("one grade tells nothing apart: name two or more, from the worst to the best")
        if self.stop and not self.strategy_of(self.strategy).stops:
            raise ValueError(
                f"{self.strategy} has no stop candidate: take groupwise, setwise, listwise, full or cascade"
            )
        return self

    async def __call__(
        self,
        question: Question,
        queries: Queries | None,
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
        prompts = Prompts(criterion_of(self.criterion, self.grades), self.prompt, bool(self.reasoning))
        task = Task(
            first_query(question, queries).text if self.judged_by == "query" else question.text,
            candidates,
            model,
            embedder,
            run,
            self.seed,
            self.keep,
            self.strategy,
            profiles=profiles,
            prompts=prompts,
            reasoning=self.reasoning,
        )
        given = Ranking(tuple(range(len(candidates))))
        # Until something better is known.
        task.offer(given)
        return task.hits(await self.ranked(task) if len(candidates) > 1 else given)

    async def ranked(self, task: Task) -> Ranking:
        """The ranking of the strategy that is named, or of what takes its place."""
        named = self.strategy_of(self.strategy)
        if not _there(named.needs, task.model):
            missing = "server of scores (score_url)" if named.needs == "scorer" else "language model"
            return await _stand_in(task, f"no {missing} is configured", named)
        ranking = await named(task)
        if task.replies.down:
            failed = "server of scores" if named.needs == "scorer" else "language model"
            return await _stand_in(task, f"the {failed} failed on every call ({task.replies.reason})", named)
        for reason in task.replies.said():
            task.run.degrade(reason)
        if task.unread:
            task.run.degrade(f"reranked in part: {len(task.unread)} passages kept the retriever's judgement")
        return ranking

    def strategy_of(self, name: str) -> Strategy:
        """The strategy of a name, with this node's settings."""
        make: StrategyFactory = strategy("rerank", name)
        return make(self)


def _there(needs: Needs, model: LanguageModel) -> bool:
    """Whether what a strategy needs is there; an embedder always is."""
    if needs == "language model":
        return model.available
    return needs != "scorer" or scores_texts(model)


async def _stand_in(task: Task, why: str, named: Strategy) -> Ranking:
    """The ranking of what takes the place of a strategy, which the run says; at last the retriever's."""
    for title, other in STAND_INS:
        if type(other) is type(named) or not _there(other.needs, task.model):
            continue
        task.replies, task.unread = ReplyLog(), set()
        try:
            ranking = await other(task)
        except ModelError:
            continue
        if not task.replies.down:
            task.run.degrade(f"{why}: passages are reranked by {title}")
            return ranking
    task.run.degrade(f"{why}: passages are left as they were found")
    return Ranking(tuple(range(len(task))))


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
