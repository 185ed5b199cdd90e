"""Versions that change while searches run, and scores that do not depend on how an index is cut up."""

from __future__ import annotations

import asyncio
import shutil
import threading
from dataclasses import replace

import pytest

from connectors.qdrant_edge.reading import ShardReader
from connectors.qdrant_edge.snapshot import Snapshot
from orchestrator.errors import IndexMismatch, StoreError
from orchestrator.ports import IndexVersion, Lexical
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import dense, one
from orchestrator.testing.vectors import document
from orchestrator.types import ANONYMOUS
from tests.connectors.qdrant_edge.index import FORMAT, EdgeIndex

pytestmark = pytest.mark.slow


async def test_a_score_is_the_same_in_a_small_shard_and_in_a_large_one(edge: EdgeIndex) -> None:
    target = document("a", "otter river stone")
    others = [document(f"d{n}", f"river w{n} stone" if n % 2 else f"otter w{n}") for n in range(60)]
    edge.publish(target)
    edge.publish(*others)
    store = edge.store()
    searches = [Lexical("otter river river"), dense("otter stone")]
    apart = await store.search(searches, principal=ANONYMOUS, limit=100)
    edge.merge()
    together = await store.search(searches, principal=ANONYMOUS, limit=100)
    assert len(edge.version.shards) == 1
    assert [hits.ids for hits in together] == [hits.ids for hits in apart]
    assert [[hit.score for hit in hits] for hits in together] == [
        [hit.score for hit in hits] for hits in apart
    ]


async def test_a_version_in_use_stays_open_though_its_shards_are_deleted(edge: EdgeIndex) -> None:
    row = document("a", "otter")
    edge.publish(row)
    edge.publish(document("b", "owl"))
    store = edge.store()
    await one(store, Lexical("otter"))
    snapshot = store._snapshots.current()
    assert isinstance(snapshot, Snapshot)
    with store._snapshots.held(snapshot) as held:
        assert held is snapshot
        edge.merge()
        edge.sweep()
        assert (await one(store, Lexical("otter"))).ids == tuple(ids(row))
        assert all(reader.edge.info().points_count == 1 for reader in snapshot.readers)
    await asyncio.to_thread(store._snapshots.settle)
    with store._snapshots.held(snapshot) as held:
        assert held is None


async def test_a_reader_that_is_late_opens_the_newer_version(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = document("a", "otter")
    edge.publish(row)
    edge.publish(document("b", "owl"))
    opening = ShardReader.__init__
    merged: list[str] = []

    def late(self: ShardReader, path: object) -> None:
        # Between reading the version and opening its shards, they are merged and deleted.
        if not merged:
            merged.append("now")
            edge.merge()
            edge.sweep()
        opening(self, path)  # type: ignore[arg-type]

    monkeypatch.setattr(ShardReader, "__init__", late)
    assert (await one(edge.store(), Lexical("otter"))).ids == tuple(ids(row))
    assert merged


async def test_a_shard_that_is_missing_is_named(edge: EdgeIndex) -> None:
    (shard,) = edge.publish(document("a", "otter")).shards
    shutil.rmtree(edge.folder / "default" / shard.name)
    store = edge.store()
    for _ in range(2):
        with pytest.raises(StoreError, match=f"shard '{shard.name}' is missing") as caught:
            await one(store, Lexical("otter"))
        assert "index add" in caught.value.hint


async def test_only_new_shards_are_opened(edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    opening = ShardReader.__init__

    def counted(self: ShardReader, path: object) -> None:
        opening(self, path)  # type: ignore[arg-type]
        opened.append(self.name)

    monkeypatch.setattr(ShardReader, "__init__", counted)
    store = edge.store()
    for number in range(3):
        edge.publish(document(f"d{number}", "otter"))
        # Searches that begin together wait for one opening.
        found = await asyncio.gather(*(one(store, Lexical("otter")) for _ in range(5)))
        assert {len(hits) for hits in found} == {number + 1}
    # The writer opens what it has written as well, before it gives it its name.
    shards = [shard.name for shard in edge.version.shards]
    assert [name for name in opened if name in shards] == shards


async def test_the_loop_goes_on_while_the_database_is_asked(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, ask = edge.store(), edge.registry.current
    go, in_time = threading.Event(), []

    def slowly(index: str) -> IndexVersion | None:
        in_time.append(go.wait(10))
        return ask(index)

    for number in range(2):
        go.clear()
        edge.publish(document(f"d{number}", "otter"))
        monkeypatch.setattr(edge.registry, "current", slowly)
        search = asyncio.ensure_future(one(store, Lexical("otter")))
        await asyncio.sleep(0.05)
        go.set()
        assert len(await search) == number + 1
        monkeypatch.undo()
    assert in_time
    assert all(in_time)


async def test_a_search_sees_what_was_published_before_it_while_an_older_version_is_opened(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.publish(document("a", "otter"))
    store, ask = edge.store(), edge.registry.current
    asked, go = threading.Event(), threading.Event()

    def slowly(index: str) -> IndexVersion | None:
        version = ask(index)
        asked.set()
        go.wait(10)
        return version

    monkeypatch.setattr(edge.registry, "current", slowly)
    early = asyncio.ensure_future(one(store, Lexical("otter")))
    await asyncio.to_thread(asked.wait, 10)
    monkeypatch.undo()
    edge.publish(document("b", "otter"))
    late = asyncio.ensure_future(one(store, Lexical("otter")))
    await asyncio.sleep(0.05)
    go.set()
    assert len(await early) in (1, 2)
    assert len(await late) == 2


async def test_a_cancelled_search_does_not_stop_the_opening(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    store = edge.store()
    impatient = asyncio.ensure_future(one(store, Lexical("otter")))
    patient = asyncio.ensure_future(one(store, Lexical("otter")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert len(await patient) == 1
    assert impatient.cancelled() or len(impatient.result()) == 1


@pytest.mark.parametrize(
    "other",
    [replace(FORMAT, embedder="else"), replace(FORMAT, dimensions=8), replace(FORMAT, sparse="else")],
)
async def test_an_index_of_another_format_is_refused(edge: EdgeIndex, other: object) -> None:
    edge.publish(document("a", "otter"))
    with pytest.raises(IndexMismatch, match="made with words") as caught:
        await one(edge.store(other), Lexical("otter"))  # type: ignore[arg-type]
    assert "orchestrator index rebuild" in caught.value.hint


async def test_a_dropped_index_answers_nothing(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    store = edge.store()
    assert len(await one(store, Lexical("otter"))) == 1
    edge.registry.drop("default")
    assert len(await one(store, Lexical("otter"))) == 0
