"""Entities that are likely one are proposed to be merged; what tells them apart keeps them so."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import asdict
from pathlib import Path

import pytest
import pytest_asyncio

from connectors.sql import SqlIndexRegistry, SqlKnowledge, SqlLedger, open_database
from orchestrator.knowledge.name_likeness import likeness
from orchestrator.knowledge.resolution import MergeTest, merge_all, proposals, proposed
from orchestrator.ports import Entity, Fact, KnowledgeStore
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.knowledge_store import eid, said
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.types import ANONYMOUS, Principal


def graph(*names: str | Entity, facts: tuple[tuple[str, str], ...] = ()) -> list[Entity | Fact]:
    """Entities whose ids are their names, and facts between them."""
    entities = [Entity(one, one) if isinstance(one, str) else one for one in names]
    said = [Fact(f"{head}-{tail}", head, head, "knows", tail, tail) for head, tail in facts]
    return [*entities, *said]


def merged(given: list[Entity | Fact], test: MergeTest | None = None) -> list[set[str]]:
    return [set(each.ids) for each in proposals(given, test=test)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("mira novakova", "mira novákova"),
        ("novak mira", "mira novak"),
        ("john f kennedy", "john kennedy"),
        ("data base", "database"),
        ("j kennedy", "john kennedy"),
        ("東京都庁舎前", "東京都庁舎前 "),
    ],
)
def test_spellings_of_a_name_are_alike(left: str, right: str) -> None:
    assert likeness(left.strip(), right.strip()) > 0.5


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("north carolina", "south carolina"),
        ("henry vii", "henry viii"),
        ("apollo 11", "apollo 12"),
        ("new york", "new york times"),
        ("mary", "mark"),
        ("world war i", "world war ii"),
    ],
)
def test_a_word_or_a_number_tells_names_apart(left: str, right: str) -> None:
    assert likeness(left, right) == 0.0


def test_names_that_are_alike_need_a_neighbour_or_a_type_in_common_unless_they_are_nearly_equal() -> None:
    pair = ("Katherine Johnson", "Catherine Johnson")
    assert merged(graph(*pair)) == []
    assert merged(graph(*pair, "NASA", facts=((pair[0], "NASA"), (pair[1], "NASA")))) == [set(pair)]
    typed = [Entity(one, one, "Person") for one in pair]
    assert merged(graph(*typed)) == [set(pair)]
    assert merged(graph(*pair), MergeTest(alone=0.6)) == [set(pair)]
    assert merged(graph("International Business Machines", "International Business Machine")) != []


def test_one_name_stands_for_two_things_that_have_nothing_in_common() -> None:
    planet, metal = Entity("1", "Mercury", "Planet"), Entity("2", "Mercury", "Metal")
    assert merged(graph(planet, metal)) == []
    other = [Entity("1", "Mercury"), Entity("2", "Mercury")]
    assert merged(graph(*other, "Sun", "Zinc", facts=(("1", "Sun"), ("2", "Zinc")))) == []
    assert merged(graph(*other, "Sun", facts=(("1", "Sun"), ("2", "Sun")))) == [{"1", "2"}]
    # Nothing is said of one of them: the name is all that there is.
    assert merged(graph(*other, "Sun", facts=(("1", "Sun"),))) == [{"1", "2"}]


def test_what_a_fact_joins_is_two_things_also_within_a_group() -> None:
    father, son = "Johann Strausss", "Johann Strauss"
    assert merged(graph(father, son)) == [{father, son}]
    assert merged(graph(father, son, facts=((father, son),))) == []
    third = "Johann Straus"
    found = merged(graph(father, son, third, facts=((father, son),)))
    assert len(found) == 1
    assert not {father, son} <= found[0]


def test_what_most_sources_name_is_kept() -> None:
    few, many = Entity("1", "Silent Summers", support=1), Entity("2", "Silent Summer", support=5)
    (found,) = proposals([few, many])
    assert (found.keep, found.others) == (many, (few,))
    assert 0.8 <= found.score <= 1.0


def test_strange_graphs_are_read() -> None:
    long = "x" * 10_000
    strange = graph("", " ", "∞", long, "東京", "A", facts=(("A", "A"), ("A", "∞"), ("∞", "A")))
    assert proposals(strange) == []
    assert proposals([]) == []


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncGenerator[KnowledgeStore]:
    database = open_database(tmp_path / "state.db")
    registry = SqlIndexRegistry(database)
    registry.create("default", FORMAT)
    index = Publisher(registry, SqlLedger(database, ManualClock()))
    a, b = document("a", "one"), document("b", "two", labels=("staff",))
    index.publish(a, b)
    made = SqlKnowledge(database, "default", ManualClock())
    await made.put(
        {
            ids(a)[0]: said(("Mira Novakova", "painted", "Reed"), ("Mira Novákova", "painted", "Frost")),
            ids(b)[0]: said(("Mira Novakkova", "painted", "Reed")),
        }
    )
    yield made
    database.close()


@pytest.mark.asyncio
async def test_merges_are_entries_of_the_journal_and_what_was_undone_is_not_proposed_again(
    store: KnowledgeStore,
) -> None:
    before = store.fingerprint()
    staff = Principal(grants=frozenset({"staff", "public"}), name="sam")
    (found,) = await proposed(store, staff)
    assert set(found.ids) == {eid(one) for one in ("Mira Novakova", "Mira Novákova", "Mira Novakkova")}
    (edit,) = await merge_all(store, staff)
    assert (edit.kind, edit.by) == ("merge", "sam")
    assert {fact.tail_name for fact in await store.facts(eid("Mira Novakkova"), principal=staff)} == {
        "Reed",
        "Frost",
    }
    assert await proposed(store, staff) == []
    await store.undo(edit.number, principal=staff)
    assert store.fingerprint() == before
    assert all(edit.entities[0] not in each.ids for each in await proposed(store, staff))


@pytest.mark.asyncio
async def test_what_a_reader_may_not_read_is_not_proposed_to_him(store: KnowledgeStore) -> None:
    (found,) = await proposed(store, ANONYMOUS)
    assert eid("Mira Novakkova") not in found.ids
    assert "Novakk" not in str(asdict(found))
    assert await proposed(store, Principal("another", frozenset({"public"}))) == []
