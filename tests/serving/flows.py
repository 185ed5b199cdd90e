"""Workflows that show one behaviour of the endpoint each, needing no model and no store."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator import Answer, Question, Run, node, workflow
from orchestrator.application.exposure import Exposure
from orchestrator.errors import NoModel, StoreError
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Citation, Facets, Message, Principal, Slate, SlateItem

CITED = Answer(
    "Ünïcode first [1], then a page [2]; never [9].",
    (
        Citation(1, "a", "First", "/notes/a b.md", "the first", "0" * 64, ("public",)),
        Citation(2, "b", "", "https://example.org/b", "the second", "1" * 64, ("public",)),
    ),
)


@node
async def whole(question: Question) -> Answer:
    return CITED


@node
async def restricted(question: Question) -> Answer:
    return Answer(
        "As is known [1], the merger is off [2].",
        (
            Citation(1, "a", "Known", "/n/a.md", "known", "0" * 64, ("public",)),
            Citation(2, "secret", "Minutes", "/n/b.md", "the merger is off", "1" * 64, ("board",)),
        ),
    )


@node
async def restricted_slate(question: Question) -> Slate:
    return Slate((SlateItem("a", 1.0, title="The merger", labels=("board",)),))


@dataclass(frozen=True)
class Memo:
    """A type of a workflow's own, for the board alone."""

    text: str

    def visible_to(self, principal: Principal) -> bool:
        return "board" in principal.grants

    @classmethod
    def exposure(cls) -> Exposure:
        return Exposure(cls, render=memo_answer)


@node
async def memo_answer(memo: Memo) -> Answer:
    return Answer(f"{memo.text} [1]", (Citation(1, "memo", "Memo", "", memo.text, labels=("board",)),))


@node
async def writes_memo(question: Question) -> Memo:
    return Memo("the merger is off")


@node
async def pieces(question: Question, run: Run) -> Answer:
    for start in range(0, len(CITED.text), 7):
        run.emit(CITED.text[start : start + 7])
        await asyncio.sleep(0)
    return CITED


@node
async def contradicts(question: Question, run: Run) -> Answer:
    run.emit("A first thought")
    return CITED


@node
async def degrades(question: Question, run: Run) -> Answer:
    run.degrade("two of three sources were away")
    return CITED


@node
async def breaks(question: Question) -> Answer:
    raise ValueError("the password is tulip")


@node
async def breaks_midway(question: Question, run: Run) -> Answer:
    run.emit("Half an ")
    await asyncio.sleep(0.01)
    raise ValueError("the password is tulip")


@node
async def unavailable(question: Question) -> Answer:
    raise StoreError("the database /home/tulip/state.db failed.", hint="Start it.")


@node
async def modelless(question: Question) -> Answer:
    raise NoModel("This needs a model.", hint="Configure one.")


@node
async def waits(question: Question, *, seconds: float = 0.2) -> Answer:
    await asyncio.sleep(seconds)
    return CITED


@node
async def waits_longer(question: Question) -> Answer:
    """Longer than the server of `main` gives the headers of a request."""
    await asyncio.sleep(2.0)
    return CITED


@node
async def waits_long(question: Question, run: Run) -> Answer:
    """Writes what becomes of it, and when, into the file that the question names."""
    if "aloud" in question.text:
        run.emit("waiting")
    _tell(question.text, "started")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        _tell(question.text, "cancelled")
        raise
    return Answer("waiting in vain")


@node
async def waits_a_little(question: Question) -> Answer:
    """Writes that it began into the file that the question names."""
    _tell(question.text, "started")
    await asyncio.sleep(0.3)
    return CITED


def _tell(file: str, what: str) -> None:
    with Path(file).open("a") as lines:
        lines.write(f"{what} {time.time()}\n")


@node
async def generates(question: Question, model: LanguageModel, run: Run) -> Answer:
    rewritten = await model.generate(GenerationRequest([Message("user", question.text)]))
    generation = await model.generate(GenerationRequest([Message("user", rewritten.text)]), on_text=run.emit)
    return Answer(generation.text)


@node
async def facets(question: Question) -> Facets:
    return Facets(("one", "two"))


def stateless() -> list[Workflow]:
    """Those that need no port."""
    nodes = (
        whole,
        pieces,
        contradicts,
        degrades,
        breaks,
        breaks_midway,
        unavailable,
        modelless,
        waits,
        waits_longer,
        waits_long,
        waits_a_little,
    )
    return [workflow(each.title, each) for each in nodes]
