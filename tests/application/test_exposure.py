"""Whatever a workflow gives can be asked for, and is shown as a text with citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.bm25 import Bm25Encoder
from orchestrator import Answer, Hits, Question, node, workflow
from orchestrator.application.exposure import Exposed, Exposure, exposed
from orchestrator.errors import BadInput
from orchestrator.ports import Documents, SparseEncoder
from orchestrator.types import (
    ANONYMOUS,
    Citation,
    Facets,
    History,
    Hit,
    Passage,
    Principal,
    Slate,
    SlateItem,
)

ADA = Principal(grants=frozenset({"public"}), name="ada")


class Shelf:
    """One passage."""

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        found = Passage("a", "a.md", "The ferry leaves at noon.", "Ferries", "/n/a.md", labels=("public",))
        return {"a": found} if "a" in ids else {}


PORTS: Mapping[Any, Any] = {Documents: Shelf(), SparseEncoder: Bm25Encoder()}


@node
async def finds(question: Question) -> Hits:
    return Hits((Hit("a", 1.0),))


@node
async def answers(question: Question) -> Answer:
    return Answer("noon")


@node
async def facets(question: Question) -> Facets:
    return Facets(("one", "two"))


@node
async def offers(history: History) -> Slate:
    """What somebody had, again."""
    known = SlateItem("soap", 1.0, title="Soap [2]", reason=f"had by {history.user}", labels=("public",))
    return Slate((known,), ("a note",))


@dataclass(frozen=True)
class Timetable:
    """A stranger's type, which brings its own exposure."""

    departures: tuple[str, ...]

    @classmethod
    def exposure(cls) -> Exposure:
        return Exposure(cls, render=timetable_answer)


@node
async def timetable_answer(timetable: Timetable) -> Answer:
    return Answer(", ".join(timetable.departures) + " [1]", (Citation(1, "a", "Ferries", "", ""),))


@node
async def departures(question: Question) -> Timetable:
    return Timetable(("noon", "nine"))


async def shown(found: Exposed) -> Answer:
    question = Question("When?", ADA)
    result = await found.answering.run(*found.inputs(question), ports=PORTS, principal=ADA)
    assert result.answer is not None
    return result.answer


async def test_hits_are_shown_as_a_list() -> None:
    found = exposed(workflow("finds", finds))
    assert (found.name, found.answering.name) == ("finds", "finds")
    answer = await shown(found)
    assert answer.text.startswith("1. Ferries [1]")
    assert [each.id for each in answer.citations] == ["a"]


async def test_hits_of_a_named_channel_are_shown_as_well() -> None:
    answer = await shown(exposed(workflow("finds", finds.writing("second"))))
    assert len(answer.citations) == 1


async def test_a_slate_is_shown_for_what_the_asker_had() -> None:
    found = exposed(workflow("offers", offers, inputs=(History,)))
    answer = await shown(found)
    assert answer.text == "1. Soap [ 2 ] [1] — had by ada"
    assert [(each.n, each.id, each.labels) for each in answer.citations] == [(1, "soap", ("public",))]
    assert answer.degraded == ("a note",)


def test_a_history_that_is_given_is_used() -> None:
    found = exposed(workflow("offers", offers, inputs=(History,)))
    assert found.inputs(Question("", ANONYMOUS), History("bob")) == (History("bob"),)
    assert found.inputs(Question("", ANONYMOUS)) == (History("anonymous"),)


def test_a_workflow_that_answers_is_left_as_it_is() -> None:
    given = workflow("answers", answers)
    assert exposed(given).answering is given


async def test_a_strangers_type_is_shown_by_the_exposure_that_it_brings() -> None:
    answer = await shown(exposed(workflow("departures", departures)))
    assert answer.text == "noon, nine [1]"
    assert [each.id for each in answer.citations] == ["a"]


async def test_an_exposure_that_is_given_comes_first() -> None:
    @node
    async def counted(hits: Hits) -> Answer:
        return Answer(f"{len(hits)} found")

    answer = await shown(exposed(workflow("finds", finds), [Exposure(Hits, render=counted)]))
    assert answer.text == "1 found"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (workflow("facets", facets), "goes from Question to Facets;.* to Answer, Hits or Slate"),
        (workflow("ranked", answers, inputs=(Question, Hits)), "goes from Question, Hits to Answer;"),
    ],
)
def test_what_no_exposure_knows_is_refused_with_what_to_do(given: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        exposed(given)
    assert "exposure" in caught.value.hint
