"""Editions of recommenders in a store of artifacts that is no folder, and in homes of before."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.folder_artifacts import FolderArtifacts
from connectors.sql import SqlRecommenderState, open_database
from orchestrator import plugins
from orchestrator.application.application import Application
from orchestrator.errors import StoreError
from orchestrator.ports import ArtifactsBelow, ArtifactStore
from orchestrator.progress import silent
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.editions.refresh import refresh
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.settings import Settings
from orchestrator.testing.artifacts import ArtifactStoreConformance
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from orchestrator.types import ANONYMOUS, History
from tests.recommendation.memory_artifacts import MemoryArtifacts, installed, stores

REGISTRY = classic_rankers()
pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")


class TestMemoryArtifacts(ArtifactStoreConformance):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> ArtifactStore:
        return MemoryArtifacts(tmp_path)


def test_the_artifacts_of_one_family_stand_below_its_name(shared: MemoryArtifacts) -> None:
    mine = ArtifactsBelow(shared, "mine")
    with shared.create("elsewhere/a"), mine.create("a") as folder:
        (folder / "file").write_text("x")
    assert shared.names() == ["elsewhere/a", "mine/a"]
    assert mine.names() == mine.names("a") == ["a"]
    assert (mine.open("a") / "file").read_text() == "x"
    mine.delete("a")
    assert shared.names() == ["elsewhere/a"]


@pytest.fixture
def shared(tmp_path: Path) -> Generator[MemoryArtifacts]:
    """A store that applications share which choose the connector `memory`."""
    stores.append(MemoryArtifacts(tmp_path / "this-host"))
    yield stores[-1]
    stores.pop()


def editions_on(host: Path, shared: ArtifactStore, state: SqlRecommenderState) -> Editions:
    return Editions(host / "recommendations", ArtifactsBelow(shared, "recommendations"), REGISTRY, state)


async def recommended(editions: Editions, ranker: str = "") -> tuple[str, ...]:
    recommender = EditionRecommender(editions)
    (hits,) = await recommender.recommend([History("user-0003")], principal=ANONYMOUS, ranker=ranker)
    return hits.ids


@pytest.mark.slow
async def test_editions_are_trained_published_rolled_back_and_removed_in_any_store(
    tmp_path: Path, shared: MemoryArtifacts
) -> None:
    state = SqlRecommenderState(open_database(tmp_path / "state.db"))
    editions = editions_on(tmp_path / "one", shared, state)
    log = made_up_log()
    assert train(log, editions, rankers=("popularity", "rules")).edition == "version-1"
    assert shared.names() == ["recommendations/version-1"]
    first = await recommended(editions)
    # Another host has no folder of them, and gets the same.
    other = editions_on(tmp_path / "another", shared, state)
    assert await recommended(other) == first
    assert not (tmp_path / "another").exists()
    assert refresh(log, other).trained.edition == "version-2"
    assert await recommended(editions, "rules") == await recommended(other, "rules")
    assert not list((tmp_path / "another" / "recommendations").glob("version-*"))

    # One that is overtaken takes back what it stored.
    with editions.next() as folder, pytest.raises(StoreError, match="Another process put version-2"):
        editions.publish(folder, log.items, log.interactions, {}, after="version-1")
    assert shared.names() == ["recommendations/version-1", "recommendations/version-2"]

    state.publish("version-1", after="version-2")
    assert EditionRecommender(other).version.startswith("version-1/")
    assert await recommended(other) == first
    assert train(log, editions, rankers=("popularity",), only=True).edition == "version-3"
    assert shared.names() == ["recommendations/version-1", "recommendations/version-3"]
    assert set(other.open().rankers) == {"popularity"}

    shared.delete("recommendations/version-3")
    with pytest.raises(StoreError, match="version-3 cannot be opened") as lost:
        other.open()
    assert "recommend train" in lost.value.hint


@pytest.mark.slow
async def test_an_edition_of_before_opens_as_it_is_and_is_deleted_in_its_turn(tmp_path: Path) -> None:
    home = tmp_path / "home"
    state = SqlRecommenderState(open_database(home / "state.db"))
    editions = editions_on(home, FolderArtifacts(home), state)
    train(made_up_log(), editions, rankers=("rules",))
    before = await recommended(editions)
    # Releases that knew no store of artifacts left no mark.
    (home / "recommendations" / "version-1" / ".artifact").unlink()
    assert await recommended(editions_on(home, FolderArtifacts(home), state)) == before
    assert train(made_up_log(), editions, rankers=("rules",)).edition == "version-2"
    assert train(made_up_log(), editions, rankers=("rules",)).edition == "version-3"
    left = {each.name for each in (home / "recommendations").glob("version-*")}
    assert left == {"version-2", "version-3"}


@pytest.mark.slow
async def test_a_home_of_before_is_taken_into_another_store(tmp_path: Path, shared: MemoryArtifacts) -> None:
    home = tmp_path / "home"
    state = SqlRecommenderState(open_database(home / "state.db"))
    train(made_up_log(), editions_on(home, FolderArtifacts(home), state), rankers=("rules",))
    before = await recommended(editions_on(home, FolderArtifacts(home), state))
    # Of the same name, and of another history.
    with shared.create("recommendations/version-1") as folder:
        (folder / "manifest.json").write_text("{}")
    assert await recommended(editions_on(home, shared, state)) == before
    assert shared.names() == ["recommendations/version-1"]
    assert not (home / "recommendations" / "version-1").exists()
    assert await recommended(editions_on(tmp_path / "another", shared, state)) == before


@pytest.mark.slow
async def test_a_backup_holds_the_edition_and_a_restore_brings_it_back(
    tmp_path: Path, shared: MemoryArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path / "installed")))
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)  # pyright: ignore[reportPrivateUsage]

    def application(home: Path) -> Application:
        return Application(Settings(home=home, ports={"artifact_store": "memory"}))

    home = tmp_path / "home"
    state = SqlRecommenderState(open_database(home / "state.db"))
    train(made_up_log(), editions_on(home, shared, state), rankers=("rules",))
    before = await recommended(editions_on(home, shared, state))
    async with application(home) as app:
        await asyncio.to_thread(app.backup, tmp_path / "b.tar", silent)
    train(made_up_log(), editions_on(home, shared, state), rankers=("popularity",), only=True)
    for name in shared.names():
        shared.delete(name)
    for target in (home, tmp_path / "elsewhere"):
        async with application(target) as app:
            await asyncio.to_thread(app.restore, tmp_path / "b.tar", silent, force=True)
        restored = SqlRecommenderState(open_database(target / "state.db"))
        assert restored.read().edition == "version-1"
        assert await recommended(editions_on(target, shared, restored)) == before
        assert shared.names() == ["recommendations/version-1"]
    shutil.rmtree(tmp_path / "elsewhere")
    assert await recommended(editions_on(home, shared, state)) == before
