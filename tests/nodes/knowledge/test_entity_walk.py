"""Passages that name an entity of the best passages' facts are fetched, and none that may not be read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Principal, Question, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import EntityWalk, KnowledgeLookup
from orchestrator.ports import KnowledgeStore
from orchestrator.testing.knowledge_store import eid, said
from orchestrator.types import Filter
from tests.nodes.shelf import BOARD, given_hits, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIBRARY = [
    ("film", "Silent Summer", "A film that she directed."),
    ("mira", "An artist", "Her life."),
    ("school", "A school", "Where she learned."),
    ("ola", "An actor", "His life."),
    ("crowd", "A crowd", "Everybody."),
]
SECRET = [("minutes", "Minutes", "What the board said."), ("diary", "A diary", "Days.")]
SAID = {
    "film": [("Silent Summer", "was directed by", "Mira Novak"), ("Silent Summer", "stars", "Ola Berg")],
    "mira": [("Mira Novak", "learned at", "Port Alder School")],
    "school": [("Port Alder School", "stands in", "Port Alder")],
    "ola": [("Ola Berg", "is", "an actor")],
    "minutes": [("Mira Novak", "was paid by", "the board"), ("Ola Berg", "met", "Mira Novakk")],
    "diary": [("Silent Summer", "was paid for by", "Hidden Hand")],
}


async def told(app: Application, without: Iterable[str] = ()) -> KnowledgeStore:
    """The store with what the documents say, some of them nothing."""
    store: Any = app.ports()[KnowledgeStore]
    where = await ids(app)
    await store.put({where[one]: said(*(() if one in without else facts)) for one, facts in SAID.items()})
    return store


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    folder = tmp_path_factory.mktemp("walk")
    async with shelf(folder, {"public": LIBRARY, "board": SECRET}) as application:
        await told(application)
        yield application


async def walked(
    app: Application,
    node: EntityWalk,
    text: str = "Where did the director learn?",
    principal: Principal = ANONYMOUS,
    found: tuple[tuple[str, float], ...] = (("film", 2.0),),
    filters: tuple[Filter, ...] = (),
) -> dict[str, float]:
    where = await ids(app)
    hits = given_hits(*((where[name], score) for name, score in found))
    result = await workflow("walked", hits >> node).run(
        Question(text, principal, filters=filters), ports=app.ports()
    )
    named = await names(app, result.output, BOARD)
    return dict(zip(named, (round(hit.score, 6) for hit in result.output), strict=True))


@pytest.mark.slow
async def test_passages_of_the_entities_of_facts_are_fetched_hop_by_hop(app: Application) -> None:
    one = await walked(app, EntityWalk(hops=1, beside=0.0, share=0.6))
    assert one == {"film": 2.0, "mira": 1.2, "ola": 1.2}
    two = await walked(app, EntityWalk(hops=2, beside=0.0, share=0.5))
    assert two["school"] == 0.25
    assert await walked(app, EntityWalk(share=0.0)) == {"film": 2.0}


async def test_a_fact_that_has_a_word_of_the_question_counts_more(app: Application) -> None:
    found = await walked(app, EntityWalk(hops=1, beside=0.5, share=0.6))
    assert found == {"film": 2.0, "mira": 1.2, "ola": 0.8}


async def test_what_the_question_names_or_too_many_name_leads_nowhere(app: Application) -> None:
    assert await walked(app, EntityWalk(hops=1), "What did Mira Novak and Ola Berg do?") == {"film": 2.0}
    board = await walked(app, EntityWalk(hops=1, most=2, synonyms=0.0), principal=BOARD)
    assert board == {"film": 2.0}
    assert "mira" in await walked(app, EntityWalk(hops=1, most=2, synonyms=0.0))


async def test_names_that_are_spelled_alike_lead_on_as_well(app: Application) -> None:
    store = await told(app)
    where = await ids(app)
    await store.put({where["ola"]: said(("Mira Novakk", "knew", "Ola Berg"))})
    try:
        with_synonyms = await walked(app, EntityWalk(hops=1, beside=0.0), found=(("mira", 1.0),))
        without = await walked(app, EntityWalk(hops=1, beside=0.0, synonyms=0.0), found=(("mira", 1.0),))
    finally:
        await told(app)
    assert set(with_synonyms) - set(without) == {"ola"}


async def test_fetched_passages_match_the_filters(app: Application) -> None:
    filters = (Filter("colour", ("red",)),)
    assert await walked(app, EntityWalk(), filters=filters) == {"film": 2.0}


async def test_without_facts_the_hits_stay_as_they_are(app: Application) -> None:
    found = (("crowd", 2.0), ("school", -1.0))
    assert await walked(app, EntityWalk(), found=(("crowd", 2.0),)) == {"crowd": 2.0}
    assert (await walked(app, EntityWalk(), found=found))["crowd"] == 2.0
    assert await walked(app, EntityWalk(), found=()) == {}


@pytest.mark.slow
@pytest.mark.parametrize("merge", [(), ("Mira Novak", "Hidden Hand"), ("Ola Berg", "Mira Novakk")])
async def test_what_may_not_be_read_changes_no_walk_and_no_lookup(
    app: Application, merge: tuple[str, ...]
) -> None:
    """To the byte, with merges and synonyms of what only the board may read."""
    store = await told(app)
    edit = await store.edit("merge", [eid(one) for one in merge], principal=BOARD) if merge else None
    whole, theirs = await learned(app, ANONYMOUS), await learned(app, BOARD)
    if edit is not None:
        await store.undo(edit.number, principal=BOARD)
    await told(app, without=("minutes", "diary"))
    alone = await learned(app, ANONYMOUS)
    await told(app)
    assert repr(whole) == repr(alone)
    assert repr(theirs) != repr(alone)


async def learned(app: Application, principal: Principal) -> list[object]:
    """What walks and lookups tell a reader."""
    found: list[object] = []
    for text in ("Where did the director learn?", "Who paid Silent Summer?", "Mira Novakk, Hidden Hand"):
        for node in (EntityWalk(), EntityWalk(most=1), EntityWalk(synonyms=0.3, hops=3)):
            found.append(await walked(app, node, text, principal))
        for ranker in ("similarity", "mmr", "random"):
            lookup = workflow("lookup", KnowledgeLookup(ranker=ranker, hops=2))
            found.append((await lookup.run(Question(text, principal), ports=app.ports())).output)
    return found
