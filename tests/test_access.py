"""Two principals with different grants, and two tenants, held apart from search to trace."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator import ANONYMOUS, Application, Hits, Principal, Question, workflow
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.nodes import CitedAnswer, Compress, Retrieve, Standalone
from orchestrator.ports import Conversations, Documents, Runs, VectorStore
from orchestrator.settings import Settings
from orchestrator.types import NOBODY, Message

STAFF = Principal(grants=frozenset({"public", "hr"}), name="staff")
RIVAL = Principal("acme", frozenset({"public", "hr"}), "rival")
SECRET = "4711"

CACHED = workflow(
    "cached", Standalone() >> Retrieve().within(cache=600) >> Compress().within(cache=600) >> CitedAnswer()
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public folder, one for hr, and one of another tenant, all about one thing, and their index."""
    library = tmp_path_factory.mktemp("library")
    texts = {
        "open": "The safe of the office stands in room nine. Ask the desk for the code of the safe.",
        "hr": f"The code of the safe of the office is {SECRET}. Nobody else may know the code.",
        "acme": "The code of the safe of Acme is 1234.",
    }
    for name, text in texts.items():
        (library / name).mkdir()
        (library / name / f"{name}.md").write_text(f"# The safe\n\n{text}\n")

    async def index() -> None:
        async with Application(Settings(home=library / "home")) as application:
            # In this process: a worker process of its own would take most of the time.
            indexer = Indexer(indexing_context(application.container), settings=None)
            await indexer.add(library / "open")
            await indexer.add(library / "hr", ["hr"])
            await indexer.add(library / "acme", tenant="acme")

    asyncio.run(index())
    return library


@pytest.fixture
async def app(library: Path, tmp_path: Path) -> AsyncIterator[Application]:
    """The library's index, of the test's own."""
    shutil.copytree(library / "home", tmp_path / "home")
    async with Application(Settings(home=tmp_path / "home")) as application:
        yield application


QUESTION = "What is the code of the safe?"


async def asked(app: Application, principal: Principal):
    """One answer, by way of every cache."""
    return await CACHED.run(Question(QUESTION, principal), ports=app.ports(), durability="exit")


@pytest.mark.slow
async def test_search_finds_what_the_principal_may_read_and_nothing_else(app: Application) -> None:
    sees: dict[str, set[str]] = {}
    for who in (ANONYMOUS, STAFF, RIVAL, NOBODY):
        result = await workflow("search", Retrieve()).run(Question(QUESTION, who), ports=app.ports())
        passages = await app.ports()[Documents].passages(result.get(Hits).ids, principal=who)
        sees[who.name] = {passage.document for passage in passages.values()}
        assert len(passages) == len(result.get(Hits))
    assert sees == {
        "anonymous": {"open.md"},
        "staff": {"open.md", "hr.md"},
        "rival": {"acme.md"},
        "nobody": set(),
    }


async def test_the_document_store_and_the_vectors_refuse_an_id_that_was_learned_elsewhere(
    app: Application,
) -> None:
    result = await workflow("search", Retrieve()).run(Question(QUESTION, STAFF), ports=app.ports())
    ids = result.get(Hits).ids
    ports = app.ports()
    for who in (ANONYMOUS, RIVAL, NOBODY):
        texts = await ports[Documents].passages(ids, principal=who)
        vectors = await ports[VectorStore].vectors(ids, principal=who)
        assert all(SECRET not in passage.text for passage in texts.values())
        assert vectors.keys() == texts.keys()


async def test_answers_and_citations_never_tell_what_the_reader_may_not_read(app: Application) -> None:
    # The one who may asks first, so that every cache is warm with the secret.
    assert SECRET in (await asked(app, STAFF)).answer.text
    for who in (ANONYMOUS, RIVAL, NOBODY):
        answer = (await asked(app, who)).answer
        assert SECRET not in repr(answer), who
    again = await asked(app, STAFF)
    assert SECRET in again.answer.text
    assert any(step.cached for step in again.steps)


@pytest.mark.slow
async def test_a_cached_result_falls_when_its_document_is_withdrawn(app: Application, library: Path) -> None:
    assert SECRET in (await asked(app, STAFF)).answer.text
    await app.indexer().add(library / "hr", ["board"])
    assert SECRET not in repr((await asked(app, STAFF)).answer)


async def test_a_run_and_its_trace_are_read_back_by_its_owner_as_he_may_read_today(
    app: Application,
) -> None:
    result = await asked(app, STAFF)
    runs = app.ports()[Runs]
    record = await runs.read(result.run_id, principal=STAFF)
    assert SECRET in repr(record.output)
    assert SECRET not in repr(record.steps)
    for who in (ANONYMOUS, RIVAL, Principal(name="staff")):
        other = await runs.read(result.run_id, principal=who)
        assert other is None or SECRET not in repr(other), who
    # The same person, since then without the grant: neither citation nor the answer that quotes it.
    demoted = Principal(grants=frozenset({"public"}), name="staff")
    assert SECRET not in repr(await runs.read(result.run_id, principal=demoted))


async def test_a_conversation_is_its_owners(app: Application) -> None:
    conversations = app.ports()[Conversations]
    said = await conversations.append([Message("user", f"my code is {SECRET}")], principal=STAFF)
    assert await conversations.read(said, principal=STAFF)
    for who in (ANONYMOUS, RIVAL):
        assert await conversations.read(said, principal=who) == ()


@pytest.mark.slow
async def test_another_tenants_documents_move_no_score(app: Application, tmp_path: Path) -> None:
    async def scores() -> dict[str, float]:
        result = await workflow("search", Retrieve(mode="bm25")).run(
            Question(QUESTION, STAFF), ports=app.ports()
        )
        return {hit.id: hit.score for hit in result.get(Hits)}

    before = await scores()
    (tmp_path / "more").mkdir()
    for number in range(30):
        (tmp_path / "more" / f"{number}.md").write_text(f"The code of the safe number {number}.")
    await app.indexer().add(tmp_path / "more", tenant="acme")
    # Sums of 32-bit floats depend on their order, in their last digit.
    assert await scores() == pytest.approx(before, abs=1e-5)
