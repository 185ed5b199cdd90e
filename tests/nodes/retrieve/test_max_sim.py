"""Reranking by MaxSim: real token vectors, access, budgets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import OrchestratorError
from orchestrator.nodes import MaxSim, Retrieve, RetrieveLate
from orchestrator.ports import TokenEmbedder
from orchestrator.ranking.late_interaction import max_sim
from orchestrator.settings import Settings
from tests.nodes.shelf import BOARD, RECORDS, given_hits, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("maxsim")) as application:
        yield application


async def test_hits_are_ranked_by_every_token(app: Application) -> None:
    asked = Question("What do penguins dive for?", ANONYMOUS)
    known = await ids(app, "frigates", "penguins", "sleep", "whales")
    hits = given_hits(*((known[name], 1.0 - at / 10) for at, name in enumerate(known)))
    found = (await workflow("m", hits >> MaxSim(k=3)).run(asked, ports=app.ports())).output
    assert (await names(app, found))[0] == "penguins"
    assert len(found) == 3
    tokens = app.ports()[TokenEmbedder]
    assert isinstance(tokens, TokenEmbedder)
    (query,) = await tokens.embed_tokens([asked.text], kind="query")
    passage = await tokens.embed_tokens(
        ["Penguins\nPenguins dive for krill and small fish in cold water."], kind="passage"
    )
    assert found.hits[0].score == pytest.approx(float(max_sim(query, passage)[0]), abs=1e-5)
    assert all(-1.0 <= hit.score <= 1.0 for hit in found)


async def test_only_the_first_are_looked_at(app: Application) -> None:
    known = await ids(app, "frigates", "cannons", "penguins")
    hits = given_hits(*((one, 1.0 - at / 10) for at, one in enumerate(known.values())))
    found = await workflow("m", hits >> MaxSim(depth=2)).run(
        Question("What do penguins dive for?", ANONYMOUS), ports=app.ports()
    )
    assert sorted(await names(app, found.output)) == ["cannons", "frigates"]


async def test_what_may_not_be_read_is_not_ranked(app: Application) -> None:
    known = await ids(app, "krill", "stock")
    hits = given_hits(*((one, 1.0) for one in known.values()))
    for principal, expected in ((ANONYMOUS, ["krill"]), (BOARD, ["krill", "stock"])):
        found = await workflow("m", hits >> MaxSim()).run(
            Question("frozen krill", principal), ports=app.ports()
        )
        assert sorted(await names(app, found.output, BOARD)) == expected


async def test_it_follows_a_search(app: Application) -> None:
    flow = workflow("search", Retrieve(k=8) >> MaxSim(k=2))
    assert len((await flow.run(Question("guns of a ship", ANONYMOUS), ports=app.ports())).output) == 2
    nothing = await flow.run(Question("?", ANONYMOUS), ports=app.ports())
    assert len(nothing.output) == 0


@pytest.mark.slow
async def test_an_index_keeps_token_vectors_if_it_is_told_to(tmp_path: Path) -> None:
    for name, _, text in RECORDS:
        (tmp_path / f"{name}.txt").write_text(text)
    home = tmp_path / "home"
    asked = Question("What do penguins dive for?", ANONYMOUS)
    flow = workflow("late", RetrieveLate(k=3))
    async with Application(Settings(home=home, embedder="light", late_interaction=True)) as app:
        # In a worker process, as always.
        await app.indexer().add(tmp_path, labels=["public"])
        found = (await flow.run(asked, ports=app.ports())).output
        assert (await names(app, found))[0] == "penguins.txt"
        assert {hit.why for hit in found} == {"late"}
        exact = workflow("exact", RetrieveLate(k=3, first=None))
        assert (await exact.run(asked, ports=app.ports())).output.ids[0] == found.ids[0]
    # What an index is made with stays with it, whatever the settings say for new ones.
    async with Application(Settings(home=home, embedder="light")) as app:
        (tmp_path / "penguins.txt").write_text("Penguins stand on ice.")
        await app.indexer().add(tmp_path, labels=["public"])
        changed = (await flow.run(asked, ports=app.ports())).output
        assert changed.hits[0].score < found.hits[0].score
        await app.indexer(rebuild=True).rebuild()
    async with Application(Settings(home=home, embedder="light")) as app:
        with pytest.raises(OrchestratorError, match="keeps no token vectors"):
            await flow.run(asked, ports=app.ports())
