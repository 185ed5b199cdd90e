"""What the writer leaves on disk, and what it refuses to write."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connectors.qdrant_edge import EdgeShardWriter, memory, shards
from orchestrator.errors import StoreError
from orchestrator.ports import Lexical, Shard, ShardedVersion, SparseVector
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import STAFF, dense, one
from orchestrator.testing.vectors import DIMENSIONS, document
from orchestrator.types import ANONYMOUS
from tests.connectors.qdrant_edge.index import FORMAT, EdgeIndex

pytestmark = pytest.mark.slow

NOTHING = np.zeros((1, DIMENSIONS), np.float32)
NO_TERMS = [SparseVector((), ())]


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def test_readers_leave_published_files_as_they_are(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter river", "owl"))
    before = digest(edge.folder)
    for _ in range(2):
        store = edge.store()
        assert len(await one(store, Lexical("otter"))) == 1
        store.close()
    assert digest(edge.folder) == before
    assert len(before) > 10


async def test_views_are_gone_when_a_store_is_closed(
    edge: EdgeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = tmp_path / "views"
    views.mkdir()
    monkeypatch.setattr(memory, "_MEMORY", views)
    edge.publish(document("a", "otter"))
    store = edge.store()
    await one(store, Lexical("otter"))
    assert len([path for path in views.iterdir() if path.is_dir()]) == 1
    store.close()
    assert list(views.iterdir()) == []
    assert len(await one(store, Lexical("otter"))) == 1


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    writer = EdgeShardWriter(tmp_path)
    for wrong in (np.nan, np.inf, -np.inf):
        with pytest.raises(StoreError, match="not finite"):
            writer.build("default", "1-1", [document("a", "otter")], NOTHING + np.float32(wrong), NO_TERMS)
    assert not (tmp_path / "default" / "1-1").exists()


def test_each_passage_needs_its_vectors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="2 passages, 1 dense and 1 sparse"):
        EdgeShardWriter(tmp_path).build("default", "1-1", [document("a", "otter", "owl")], NOTHING, NO_TERMS)


def test_a_name_is_never_written_twice(edge: EdgeIndex) -> None:
    row = document("a", "otter")
    name = edge.publish(row).shards[0].name
    with pytest.raises(StoreError, match="exists already"):
        edge.writer.build("default", name, [row], NOTHING + 1, NO_TERMS)


def test_a_repeated_passage_is_noticed(tmp_path: Path) -> None:
    row = document("a", "otter")
    with pytest.raises(StoreError, match="holds 1 points after 2"):
        EdgeShardWriter(tmp_path).build(
            "default", "1-1", [row, row], np.repeat(NOTHING + 1, 2, axis=0), NO_TERMS * 2
        )
    assert list((tmp_path / "default").iterdir()) == []


def test_contents_name_tenant_and_labels(edge: EdgeIndex) -> None:
    a, b = document("a", "otter", "owl", labels=("staff", "public")), document("b", "fox", tenant="red")
    (shard,) = edge.publish(a, b).shards
    read = ("default", ("public", "staff"))
    assert edge.writer.contents("default", shard.name) == {
        **dict.fromkeys(ids(a), read),
        ids(b)[0]: ("red", ("public",)),
    }
    with pytest.raises(StoreError, match="missing"):
        edge.writer.contents("default", "9-9")


def test_a_broken_shard_is_named(edge: EdgeIndex) -> None:
    (shard,) = edge.publish(document("a", "otter")).shards
    (config,) = (edge.folder / "default" / shard.name).glob("segments/*/segment.json")
    config.write_text("{")
    with pytest.raises(StoreError, match=f"shard '{shard.name}' cannot be read"):
        edge.writer.contents("default", shard.name)


async def test_a_merge_keeps_what_is_alive(edge: EdgeIndex) -> None:
    a, b, c = document("a", "otter river"), document("b", "otter"), document("c", "otter night")
    for row in (a, b, c):
        edge.publish(row)
    edge.publish(document("b", "badger"), removed=(c,))
    store = edge.store()
    searches = [Lexical("otter badger"), dense("otter"), dense("badger")]
    before = await store.search(searches, principal=ANONYMOUS)
    version = edge.merge()
    assert [shard.points for shard in version.shards] == [2]
    assert not any(version.removed.values())
    assert await store.search(searches, principal=ANONYMOUS) == before


async def test_relabelling_copies_the_vectors(edge: EdgeIndex) -> None:
    row, other = document("a", "otter river", "owl"), document("b", "fox")
    edge.publish(row, other)
    store = edge.store()
    before = await store.vectors(ids(row), principal=ANONYMOUS)
    edge.relabel(replace(row, labels=("staff",), metadata={"year": 1999}))
    assert await store.vectors(ids(row), principal=ANONYMOUS) == {}
    after = await store.vectors(ids(row), principal=STAFF)
    assert {key: vector.tolist() for key, vector in after.items()} == {
        key: vector.tolist() for key, vector in before.items()
    }
    assert (await one(store, dense("fox"))).ids == tuple(ids(other))


def test_what_is_not_there_cannot_be_relabelled(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    with pytest.raises(StoreError, match="has 1 of the 2 passages"):
        edge.relabel(document("a", "otter"), document("b", "owl"))
    assert len(list((edge.folder / "default").iterdir())) == 1


def test_a_sweep_waits_for_readers(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    edge.publish(document("b", "owl"))
    old = {shard.name for shard in edge.version.shards}
    edge.merge()
    folder = edge.folder / "default"
    assert edge.sweep(seconds=60) == []
    assert all((folder / name).is_dir() for name in old)
    long_ago = time.time() - 61
    for note in folder.glob(".*.unneeded"):
        os.utime(note, (long_ago, long_ago))
    assert set(edge.sweep(seconds=60)) == old
    assert [path.name for path in folder.iterdir()] == [shard.name for shard in edge.version.shards]


def test_a_sweep_clears_what_a_killed_writer_left(edge: EdgeIndex) -> None:
    (shard,) = edge.publish(document("a", "otter")).shards
    left = edge.folder / "default" / ".7-1.building"
    left.mkdir()
    (left / "half").write_text("")
    assert edge.sweep(seconds=60) == []
    assert edge.sweep(seconds=0) == [left.name]
    assert [path.name for path in (edge.folder / "default").iterdir()] == [shard.name]


def test_a_shard_that_is_needed_again_starts_its_grace_anew(edge: EdgeIndex) -> None:
    (shard,) = edge.publish(document("a", "otter")).shards
    assert edge.writer.sweep("default", [], seconds=60) == []
    assert edge.sweep(seconds=0) == []
    assert list((edge.folder / "default").glob(".*")) == []
    assert (edge.folder / "default" / shard.name).is_dir()


async def test_a_shard_with_a_graph_answers_as_one_without(
    edge: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        document(f"d{n}", f"w{n % 40} w{n % 23} w{n % 7} w{n}", labels=("public",) if n % 3 else ("staff",))
        for n in range(600)
    ]
    store = edge.store()
    edge.publish(*rows)
    searches = [dense(f"w{n} w{n + 1}") for n in range(10)]
    exact = await store.search(searches, principal=ANONYMOUS, limit=20)
    monkeypatch.setattr(shards, "GRAPH_FROM", 100)
    edge.merge()
    close = await store.search(searches, principal=ANONYMOUS, limit=20)
    found = [len(set(one.ids) & set(other.ids)) / 20 for one, other in zip(close, exact, strict=True)]
    assert np.mean(found) > 0.95
    scores = {hit.id: hit.score for hits in exact for hit in hits}
    for hits, reference in zip(close, exact, strict=True):
        known = {hit.id: hit.score for hit in reference}
        assert all(hit.score == pytest.approx(known[hit.id], abs=1e-6) for hit in hits if hit.id in known)
    assert scores


def test_an_empty_shard_can_be_merged_away(edge: EdgeIndex) -> None:
    row = document("a", "otter")
    edge.publish(row)
    version = edge.publish(removed=(row,))
    empty = ShardedVersion("default", 1, FORMAT, 0, 0, version.shards, version.removed)
    names = [shard.name for shard in version.shards]
    assert edge.writer.merge("default", "9-1", names, empty) == Shard("9-1", 0)
    assert edge.writer.contents("default", "9-1") == {}
