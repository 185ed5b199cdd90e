"""A stranger's type says of itself what it rests on, whom it is for, and how it is traced."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from connectors.sql import SqlCache, SqlIndexRegistry, SqlLedger, SqlRuns, open_database
from orchestrator import Question, node, workflow
from orchestrator.ports import Cache, Runs
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import (
    Answer,
    Citation,
    Context,
    Excerpt,
    Facets,
    Hit,
    Hits,
    Passage,
    Principal,
    Slate,
    SlateItem,
    Usage,
)
from orchestrator.values import Accounted, Readable, Sourced, Traced, passages_of, readable_by

ANNA = Principal("red", frozenset({"public", "staff"}), "anna")
QUESTION = Question("Why?", ANNA)


@dataclass(frozen=True)
class Triple:
    """A stranger's type: a statement, with the passage that says it."""

    subject: str
    relation: str
    object: str
    passage: str

    @property
    def passages(self) -> tuple[str, ...]:
        return (self.passage,)

    def trace(self) -> dict[str, Any]:
        return {"triple": self.passage}


@dataclass(frozen=True)
class Triples:
    """A stranger's type that says nothing of itself: its parts do."""

    triples: tuple[Triple, ...]


@dataclass(frozen=True)
class Memo:
    """A stranger's type that is for one label alone, and stands on no passage."""

    text: str
    label: str

    def visible_to(self, principal: Principal) -> bool:
        return self.label in principal.grants


@dataclass(frozen=True)
class Odd:
    """A stranger's type whose trace is broken."""

    text: str

    def trace(self) -> dict[str, Any]:
        raise ValueError("tulip")


class Model(BaseModel):
    """A pydantic model of a stranger's."""

    model_config = ConfigDict(frozen=True)

    about: tuple[Triple, ...]


TRIPLE = Triple("ferry", "leaves", "noon", "p1")


@pytest.mark.parametrize(
    ("value", "passages"),
    [
        (Hits((Hit("a", 2.0), Hit("b", 1.0))), ("a", "b")),
        (Context((Excerpt("a", ((0, 1),)), Excerpt("a", ((2, 3),)), Excerpt("b", ()))), ("a", "b")),
        (Answer("x [1]", (Citation(1, "a", "", "", ""),)), ("a",)),
        (Passage("a", "a.md", "text"), ("a",)),
        (TRIPLE, ("p1",)),
        (Triples((TRIPLE, replace(TRIPLE, passage="p2"))), ("p1", "p2")),
        (Model(about=(TRIPLE,)), ("p1",)),
        ((Facets(("one",)), (Hits((Hit("a", 1.0),)),)), ("a",)),
        ({"key": TRIPLE}, ("p1",)),
        (Memo("text", "board"), ()),
        ("a", ()),
        (None, ()),
    ],
)
def test_the_passages_of_a_value_are_those_of_its_parts(value: object, passages: tuple[str, ...]) -> None:
    assert passages_of(value) == passages


def test_a_value_is_for_those_whom_all_of_its_parts_are_for() -> None:
    open_, closed = (Citation(1, "a", "", "", "", labels=(label,)) for label in ("public", "board"))
    assert readable_by(Answer("x", (open_,)), ANNA)
    assert not readable_by(Answer("x", (open_, closed)), ANNA)
    assert readable_by(Slate((SlateItem("a", 1.0, labels=("staff",)),)), ANNA)
    assert not readable_by(Slate((SlateItem("a", 1.0),)), ANNA)
    assert not readable_by((Memo("text", "board"),), ANNA)
    assert readable_by(Hits((Hit("a", 1.0),)), Principal())


def test_our_own_types_take_part_as_a_strangers_do() -> None:
    assert isinstance(Hits(), Sourced)
    assert isinstance(Hits(), Traced)
    assert isinstance(Passage("a", "a.md", ""), Readable)
    assert isinstance(Answer(""), Accounted)
    assert Answer("x", degraded=("a",)).accounted(("a", "b"), Usage(1)) == Answer(
        "x", (), ("a", "b"), Usage(1)
    )


# -- in a run ----------------------------------------------------------------------------------


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncGenerator[tuple[Publisher, dict[Any, Any]]]:
    """An index with one document, and ports that keep results and runs in its database."""
    database = open_database(tmp_path / "state.db")
    registry = SqlIndexRegistry(database, ManualClock())
    registry.create("default", FORMAT)
    runs = SqlRuns(database)
    yield (
        Publisher(registry, SqlLedger(database, ManualClock())),
        {Cache: SqlCache(database), Runs: runs},
    )
    await runs.close()
    database.close()


NOTE = document("note", "The ferry leaves at noon.", tenant="red")


@node
async def says(question: Question) -> Triples:
    """What the document says, whoever asks."""
    return Triples((replace(TRIPLE, passage=ids(NOTE)[0]),))


@node
async def find(question: Question) -> Hits:
    return Hits((Hit(ids(NOTE)[0], 1.0),))


@node
async def sum_up(hits: Hits) -> Memo:
    """A text that is made of what was read, and does not say of which passages."""
    return Memo("noon", "public")


@pytest.mark.parametrize(
    ("flow", "place"),
    [
        (workflow("says", says.within(cache=600)), 0),
        (workflow("sums", find >> sum_up.within(cache=600)), 1),
    ],
    ids=["it names its passages", "its node read them"],
)
async def test_what_is_kept_of_a_strangers_type_falls_with_its_source(
    stores: tuple[Publisher, dict[Any, Any]], flow: Any, place: int
) -> None:
    index, ports = stores
    index.publish(NOTE)

    async def cached() -> bool:
        return (await flow.run(QUESTION, ports=ports)).steps[place].cached

    assert [await cached(), await cached()] == [False, True]
    index.publish(removed=(NOTE,))
    assert not await cached()


async def test_a_run_of_a_strangers_type_is_withheld_when_its_source_is_closed(
    stores: tuple[Publisher, dict[Any, Any]],
) -> None:
    index, ports = stores
    index.publish(NOTE)
    result = await workflow("says", says).run(QUESTION, ports=ports)

    async def shown(principal: Principal) -> dict[str, Any]:
        record = await ports[Runs].read(result.run_id, principal=principal)
        assert record is not None
        return dict(record.output)

    assert (await shown(ANNA))["value"]["triples"][0]["object"] == "noon"
    index.registry.relabel("default", "/library", ["board"])
    assert await shown(ANNA) == {"type": "Triples", "value": None, "withheld": 1}
    member = replace(ANNA, grants=ANNA.grants | {"board"})
    assert (await shown(member))["value"]["triples"][0]["object"] == "noon"
    assert await ports[Runs].read(result.run_id, principal=replace(ANNA, name="bert")) is None


async def test_a_run_of_a_strangers_type_outlives_its_source_for_those_who_could_read_it(
    stores: tuple[Publisher, dict[Any, Any]],
) -> None:
    index, ports = stores
    index.publish(NOTE)
    result = await workflow("says", says).run(QUESTION, ports=ports)
    index.publish(removed=(NOTE,))
    kept = await ports[Runs].read(result.run_id, principal=ANNA)
    lost = await ports[Runs].read(result.run_id, principal=replace(ANNA, grants=frozenset({"other"})))
    assert kept.output["value"] is not None
    assert lost.output["value"] is None


async def test_a_trace_keeps_what_a_value_says_of_itself(stores: tuple[Publisher, dict[Any, Any]]) -> None:
    @node
    async def first(question: Question) -> Triple:
        return TRIPLE

    result = await workflow("first", first).run(QUESTION, ports={})
    assert list(result.steps[0].writes.values()) == [{"triple": "p1"}]


async def test_a_value_that_cannot_be_traced_does_not_end_its_run(caplog: pytest.LogCaptureFixture) -> None:
    @node
    async def odd(question: Question) -> Odd:
        return Odd("x")

    result = await workflow("odd", odd).run(QUESTION, ports={})
    assert list(result.steps[0].writes.values()) == [{"type": "Odd"}]
    assert "A Odd has no trace: tulip." in caplog.text
