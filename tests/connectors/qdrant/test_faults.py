"""What a network and a server do wrong becomes a repetition or one error; nothing half is searchable."""

from __future__ import annotations

import itertools
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete

from connectors.qdrant import QdrantVectorStore, points
from connectors.qdrant import rows as rows_module
from connectors.qdrant.rows import QdrantRowWriter
from connectors.sql.tables import leases
from orchestrator.errors import LeaseLost, StoreError
from orchestrator.ports import IndexChange
from orchestrator.testing.index_writer import access
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import STAFF, dense, one
from orchestrator.testing.vectors import document
from tests.connectors.qdrant.index import QdrantIndex
from tests.services.qdrant import Kind, Shim

pytestmark = pytest.mark.slow

TRANSIENT: tuple[Kind, ...] = ("429", "503", "500", "timeout", "disconnect", "after")
WRITES = r"PUT .*/points$"
MARKS = r"POST .*/points/payload$"


@pytest.fixture
def filling(shim: Shim, tmp_path: object) -> QdrantIndex:
    """Of the shim alone: a real server is well."""
    return QdrantIndex(shim.url, tmp_path)  # type: ignore[arg-type]


async def found(store: QdrantVectorStore) -> set[str]:
    return set((await one(store, dense("otter"), principal=STAFF, limit=100)).ids)


@pytest.mark.parametrize("kind", TRANSIENT)
async def test_what_passes_is_tried_again(
    shim: Shim, filling: QdrantIndex, searching: QdrantVectorStore, kind: Kind
) -> None:
    a, b = document("a", *(f"otter n{n}" for n in range(8))), document("b", "owl")
    filling.publish(b)
    for matches in (WRITES, MARKS, "points/count", "query/batch"):
        shim.inject(kind, matches, times=1 if kind == "timeout" else 2)
    filling.publish(a, removed=(b,))
    assert await found(searching) == set(ids(a))
    assert not any(fault.times for fault in shim.faults)
    assert access(filling.stored()) == {name: [("default", ("public",))] for name in ids(a)}


@pytest.mark.parametrize("kind", TRANSIENT[:-1])
@pytest.mark.parametrize("matches", [WRITES, MARKS, "points/count"])
async def test_what_stays_is_one_error_and_nothing_is_seen(
    shim: Shim, filling: QdrantIndex, searching: QdrantVectorStore, kind: Kind, matches: str
) -> None:
    a, b = document("a", *(f"otter n{n}" for n in range(8))), document("b", "owl")
    filling.publish(b)
    assert await found(searching) == set(ids(b))
    shim.inject(kind, matches, times=100, seconds=1.2)
    with pytest.raises(StoreError, match=r"qdrant at http://127.* failed 3 times") as caught:
        filling.publish(a, removed=(b,))
    assert "Check that the server runs" in caught.value.hint
    shim.faults.clear()
    assert await found(searching) == set(ids(b))
    filling.writer.collect("default", seconds=0.0)
    filling.publish(a, removed=(b,))
    assert await found(searching) == set(ids(a))
    assert set(filling.stored()) == set(ids(a))


@pytest.mark.parametrize("kind", ["partial", "lost"])
async def test_a_batch_that_was_applied_in_part_is_written_again(
    shim: Shim,
    filling: QdrantIndex,
    searching: QdrantVectorStore,
    kind: Kind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows_module, "_SETTLING", 0.3)
    a = document("a", *(f"otter n{n}" for n in range(8)))
    shim.inject(kind, WRITES)
    filling.publish(a)
    assert await found(searching) == set(ids(a))


async def test_a_server_that_loses_what_it_accepts_is_found_out(
    shim: Shim, filling: QdrantIndex, searching: QdrantVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "_SETTLING", 0.2)
    a, b = document("a", *(f"otter n{n}" for n in range(8))), document("b", "owl")
    filling.publish(b)
    shim.inject("lost", WRITES, times=100)
    with pytest.raises(StoreError, match="has 0 of 8 passages that were written to the index 'default'"):
        filling.publish(a)
    assert await found(searching) == set(ids(b))


async def test_a_refusal_is_not_repeated(shim: Shim, filling: QdrantIndex) -> None:
    shim.inject("400", WRITES, times=100)
    with pytest.raises(StoreError, match=r"failed: 400 .*injected"):
        filling.publish(document("a", "otter"))
    assert sum(request.endswith("/points") for request in shim.asked) == 1


async def test_a_search_of_a_server_that_is_gone_says_so(filling: QdrantIndex) -> None:
    filling.publish(document("a", "otter"))
    filling.settings = filling.settings.model_copy(update={"url": "http://127.0.0.1:1"})
    store = filling.store()
    with pytest.raises(StoreError, match=r"qdrant at http://127\.0\.0\.1:1 failed 3 times"):
        await store.search([dense("otter")], principal=STAFF)
    await store.close()


async def test_a_password_is_in_no_message(filling: QdrantIndex) -> None:
    filling.publish(document("a", "otter"))
    filling.settings = filling.settings.model_copy(update={"url": "http://me:secret@127.0.0.1:1"})
    store = filling.store()
    with pytest.raises(StoreError, match=r"qdrant at http://127\.0\.0\.1:1 failed") as caught:
        await store.search([dense("otter")], principal=STAFF)
    assert "secret" not in str(caught.value)
    await store.close()


def test_every_field_of_a_condition_is_indexed() -> None:
    conditions = {name for name in vars(points) if name.isupper() and isinstance(getattr(points, name), str)}
    fields = {getattr(points, name) for name in conditions} - {"dense", "bm25", "tokens", "encoded", "labels"}
    assert fields == set(points.payload_indexes())


async def test_a_store_that_lacks_passages_says_so(
    shim: Shim, filling: QdrantIndex, searching: QdrantVectorStore
) -> None:
    a = document("a", "otter", "owl")
    filling.publish(a)
    for collection in shim.client.get_collections().collections:
        shim.client.delete_collection(collection.name)
    with pytest.raises(StoreError, match="has none of the 2 passages of the index 'default'") as caught:
        await searching.search([dense("otter")], principal=STAFF)
    assert "orchestrator index rebuild" in caught.value.hint
    assert [place.passages for place in filling.writer.damaged(filling.version)] == [2]


async def test_a_writer_may_die_at_any_request(
    shim: Shim, filling: QdrantIndex, searching: QdrantVectorStore
) -> None:
    """Every request of a change is the last one of a writer, once; the next writer does all of it."""
    old, new = document("a", "otter", "owl"), document("a", *(f"otter n{n}" for n in range(5)))
    gone, filler = document("b", "fox"), document("c", "badger")
    filling.publish(old, gone)
    number = 0
    for number in itertools.count():
        before = await found(searching)
        filling.rows.server._attempts = 1
        begun = len(shim.asked)
        fail_at = _Countdown(shim, number)
        try:
            filling.publish(new, filler, removed=(gone,))
        except StoreError:
            fail_at.stop()
            assert await found(searching) == before
        else:
            fail_at.stop()
            assert len(shim.asked) - begun <= number + 1
            break
        finally:
            fail_at.stop()
            filling.rows.server._attempts = 3
        # Another change comes between.
        if Random(number).random() < 0.3:
            filling.publish(document("d", f"sea n{number}"))
    assert number > 5
    stored = set(filling.stored())
    assert stored >= set(ids(new, filler))
    assert not stored & set(ids(gone))
    assert await found(searching) == stored


async def test_a_writer_that_lost_its_lease_changes_nothing_that_is_found(
    filling: QdrantIndex, searching: QdrantVectorStore
) -> None:
    a = document("a", "otter")
    filling.publish(a)
    stale = filling.job()
    filling.ledger.cancel(stale.id)
    publish = partial(filling.registry.publish, stale, "default")
    change = IndexChange(documents=(document("b", "owl"),))
    with pytest.raises(LeaseLost):
        filling.writer.apply("default", "stale-1", change, filling.vectors(change.documents), publish)
    assert await found(searching) == set(ids(a))
    filling.publish(document("c", "fox"))
    assert await found(searching) == set(ids(a, document("c", "fox")))


async def test_a_writer_that_stalls_ends_nothing_of_the_version_of_another(
    filling: QdrantIndex, searching: QdrantVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, c = document("a", "otter"), document("c", "fox")
    filling.publish(a)
    insert, stale = QdrantRowWriter.insert, filling.job()

    def stalled(self: QdrantRowWriter, *given: Any, **named: Any) -> None:
        insert(self, *given, **named)
        monkeypatch.setattr(QdrantRowWriter, "insert", insert)
        filling.ledger.cancel(stale.id)
        # Its lease ran out, too.
        with filling.state.writing() as connection:
            connection.execute(delete(leases))
        filling.publish(c)

    monkeypatch.setattr(QdrantRowWriter, "insert", stalled)
    with pytest.raises(LeaseLost):
        filling.apply(document("a", "another otter"), job=stale)
    assert await found(searching) == set(ids(a, c))


class _Countdown:
    """Cuts every request from the one of this number on."""

    def __init__(self, shim: Shim, number: int) -> None:
        self._shim = shim
        self._left = number
        self._before = shim.fault
        shim.fault = self._fault  # type: ignore[method-assign]

    def _fault(self, request: str) -> object:
        self._left -= 1
        from tests.services.qdrant import Fault

        return Fault("disconnect") if self._left < 0 else None

    def stop(self) -> None:
        self._shim.fault = self._before  # type: ignore[method-assign]
