"""Small real nodes that the engine's tests compose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from orchestrator import SKIP, Node, Run, node
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Answer, Facets, Hit, Hits, Message, Queries, Query, Question, ranked


@node
async def find(question: Question, *, k: int = 3) -> Hits:
    """k hits whose ids tell what was asked."""
    return Hits(tuple(Hit(f"{question.text}-{number}", 1.0 / (number + 1)) for number in range(k)))


@node
async def find_other(question: Question) -> Hits:
    """One hit that `find` has not."""
    return Hits((Hit(f"{question.text}-other", 1.0),))


@node
async def rewrite(question: Question) -> Queries:
    """The question as its only query."""
    return Queries((Query(question.text),))


@node
async def search_queries(queries: Queries) -> Hits:
    """A hit a query."""
    return Hits(tuple(Hit(query.text, 1.0) for query in queries))


@node
async def rank_fusion(rankings: tuple[Hits, ...], *, k: int = 60) -> Hits:
    """Reciprocal rank fusion."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            scores[hit.id] = scores.get(hit.id, 0.0) + 1.0 / (k + rank)
    return ranked([Hit(name, score) for name, score in scores.items()])


@node
async def add_one(hits: Hits) -> Hits:
    """One hit more."""
    return Hits((*hits.hits, Hit(f"added-{len(hits)}", 0.0)))


@node
async def list_facets(question: Question) -> Facets:
    """Three facets."""
    return Facets(("a", "b", "c"))


@node
async def find_facet(question: Question, facet: str) -> Hits:
    """A hit named after question and facet."""
    await asyncio.sleep(0)
    return Hits((Hit(f"{question.text}/{facet}", 1.0),))


@node
async def write_first(question: Question) -> Annotated[Hits, "first"]:
    """A named channel."""
    return Hits((Hit("first", 1.0),))


@node
async def compare(hits: Hits, first: Annotated[Hits, "first"]) -> Answer:
    """Reads two channels of one type."""
    return Answer(f"{','.join(hits.ids)} against {','.join(first.ids)}")


@node
async def answer(question: Question, hits: Hits) -> Answer:
    """The ids as an answer."""
    return Answer(f"{question.text}: {','.join(hits.ids)}")


@node
async def answer_if_any(question: Question, hits: Hits | None) -> Answer:
    """An optional read."""
    return Answer("nothing" if hits is None else ",".join(hits.ids))


@node
async def draft(question: Question, previous: Answer | None) -> Answer:
    """Builds on the answer of the round before."""
    return Answer((previous.text if previous else "") + "x")


async def long_enough(text: Answer) -> bool:
    """Three characters are enough."""
    return len(text.text) >= 3


async def by_length(question: Question) -> Literal["short", "long"]:
    """Routes by the length of the question."""
    return "short" if len(question.text) < 5 else "long"


@node
def slow_in_thread(question: Question, run: Run, *, seconds: float = 5.0) -> Hits:
    """Polls for cancellation, as code in a thread must."""
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if run.cancelled:
            SEEN.append("thread saw the cancellation")
            break
        time.sleep(0.005)
    return Hits()


#: A composition of nothing.
SKIP_ALL = SKIP >> SKIP

#: What nodes observed that nobody awaits any more.
SEEN: list[str] = []


@node
async def hang(question: Question) -> Hits:
    """Never returns by itself."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        SEEN.append("hang was cancelled")
        raise
    return Hits()


@node
async def ask_model(question: Question, model: LanguageModel) -> Answer:
    """One model call."""
    generated = await model.generate(GenerationRequest([Message("user", question.text)]))
    return Answer(generated.text)


@dataclass(frozen=True)
class Note:
    """A flowing type of a third party."""

    text: str


class Shout(Node):
    """A node with settings."""

    times: int = 1
    mark: Literal["!", "?"] = "!"

    async def __call__(self, question: Question, run: Run) -> Answer:
        text = question.text + self.mark * self.times
        run.emit(text)
        return Answer(text)
