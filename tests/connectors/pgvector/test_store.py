"""What is PostgreSQL's own: graphs, locks, lost connections, and what the store lacks."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from pgvector import Vector
from psycopg import sql

from connectors.pgvector import PgVectorStore, VectorDatabase
from connectors.pgvector.database import table, table_name
from connectors.pgvector.writer import compared, graph_name, indexed
from orchestrator.errors import IndexMismatch, StoreError
from orchestrator.ports import Lexical
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import STAFF, dense, one
from orchestrator.testing.vectors import document
from orchestrator.types import ANONYMOUS
from orchestrator.vector_stores.versioned_rows import Space
from tests.connectors.pgvector.index import ENCODER, PgIndex

pytestmark = pytest.mark.postgres


async def test_a_large_index_has_a_graph_and_finds_what_few_may_read(
    pgvector_url: str, tmp_path: Path
) -> None:
    index = PgIndex(pgvector_url, tmp_path, graph_from=200)
    rows = [
        document(f"d{n}", f"otter w{n} v{n % 7}", labels=("staff",) if n % 50 else ("public",))
        for n in range(300)
    ]
    index.publish(*rows[:150])
    assert index.merge() == 0
    index.publish(*rows[150:])
    store = index.store()
    before = await one(store, dense("otter w7 v0"), principal=STAFF, limit=50)
    assert index.merge() == 1
    assert not index.writer.merges(index.version)
    name = graph_name(Space.of(index.version))
    with index.database.reading() as connection:
        connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        table = name.removesuffix("_graph")
        asked = "SELECT passage FROM {} ORDER BY dense <#> (SELECT dense FROM {} LIMIT 1) LIMIT 5"
        plan = connection.execute(f"EXPLAIN {asked.format(table, table)}").fetchall()  # pyright: ignore
    assert any(name in line for (line,) in plan)
    after = await one(store, dense("otter w7 v0"), principal=STAFF, limit=50)
    assert len(set(after.ids) & set(before.ids)) >= 48
    # Six of three hundred: more than a graph gives by itself.
    assert set((await one(store, dense("otter"), limit=10)).ids) == set(ids(*rows[::50]))
    index.publish(document("new", "otter w7 v0"))
    assert (await one(store, dense("otter w7 v0"), limit=1)).hits[0].score == pytest.approx(1, abs=1e-3)
    index.close()


async def test_a_graph_that_was_cut_short_is_made_again(pgvector_url: str, tmp_path: Path) -> None:
    index = PgIndex(pgvector_url, tmp_path, graph_from=5)
    index.publish(*(document(f"d{n}", f"otter w{n}") for n in range(10)))
    assert index.merge() == 1
    name = graph_name(Space.of(index.version))
    with psycopg.connect(index.database._address, autocommit=True) as connection:
        # As CREATE INDEX CONCURRENTLY leaves it whose process was killed.
        broken = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)"
        connection.execute(broken, [name])
        assert index.merge() == 1
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        assert connection.execute(valid, [name]).fetchone() == (True,)
    index.close()


async def test_searches_have_a_plan_as_soon_as_an_addition_ends(pgvector_url: str, tmp_path: Path) -> None:
    index = PgIndex(pgvector_url, tmp_path, graph_from=1000)
    # Several words, so that nobody's vector is another's.
    index.publish(*(document(f"d{n}", f"otter w{n} v{n % 7} u{n % 11} s{n % 13}") for n in range(1500)))
    assert index.merge() == 1
    index.writer.collect("default", seconds=300.0)
    table = table_name(Space.of(index.version))
    with psycopg.connect(index.database._address, autocommit=True) as connection:
        known = "SELECT attname FROM pg_stats WHERE tablename = %s"
        columns = {row[0] for row in connection.execute(known, [table])}
    assert {"born", "died", "access", "terms"} <= columns
    assert "dense" not in columns
    index.close()


def test_a_writer_makes_a_table_again_that_another_process_dropped(filling: PgIndex) -> None:
    filling.publish(document("a", "otter"))
    with psycopg.connect(filling.database._address, autocommit=True) as connection:
        dropped = "DROP TABLE {}; DELETE FROM orchestrator_vector_spaces"
        connection.execute(dropped.format(table_name(Space.of(filling.version))))  # pyright: ignore
    filling.publish(document("b", "owl"))
    assert set(filling.stored()) == set(ids(document("b", "owl")))


async def test_vectors_of_more_numbers_than_a_graph_takes_are_compared_in_half_of_them(
    pgvector_url: str, tmp_path: Path
) -> None:
    database = VectorDatabase(pgvector_url)
    space = Space("wide", 3_000)
    with database.writing("wide") as connection:
        database.create(connection, space)
        nearest = sql.SQL("SELECT id FROM {} ORDER BY {} <#> %s").format(table(space), compared(space))
        assert connection.execute(nearest, [Vector([0.0] * 3_000)]).fetchall() == []
        graph = sql.SQL("CREATE INDEX ON {} USING hnsw ({})").format(table(space), indexed(space))
        connection.execute(graph)
        database.drop(connection, space)
    database.close()


async def test_a_store_that_lacks_passages_says_so_and_what_to_do(filling: PgIndex) -> None:
    filling.publish(document("a", "otter", "owl"))
    with psycopg.connect(filling.database._address, autocommit=True) as connection:
        (table,) = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'orchestrator_vectors%' AND relkind = 'r'"
        ).fetchone() or ("",)
        connection.execute(f"DELETE FROM {table} WHERE id = 1")  # pyright: ignore
    with pytest.raises(StoreError, match="has 1 of the 2 passages of the index 'default'") as caught:
        await filling.store().search([Lexical("otter")], principal=ANONYMOUS)
    assert "orchestrator index rebuild" in caught.value.hint
    assert [place.passages for place in filling.writer.damaged(filling.version)] == [1]
    found = filling.writer.damaged_documents("default", [filling.database.name])
    assert [row.document for row in found] == ["a"]


async def test_an_index_of_another_model_is_refused(filling: PgIndex) -> None:
    filling.publish(document("a", "otter"))
    with pytest.raises(IndexMismatch, match="was made with words"):
        await filling.store(replace(filling.format, embedder="other")).search(
            [dense("otter")], principal=ANONYMOUS
        )


async def test_a_server_that_is_gone_is_an_error_with_a_next_step(filling: PgIndex, tmp_path: Path) -> None:
    filling.publish(document("a", "otter"))
    for url, said in (
        (f"postgresql://postgres@/x?host={tmp_path}", "Check that the server runs"),
        ("postgresql://postgres:secret@127.0.0.1:1/x", "Check that the server runs"),
    ):
        database = VectorDatabase(url)
        store = PgVectorStore(database, filling.registry, "default", ENCODER, filling.format)
        with pytest.raises(StoreError, match="pgvector at") as caught:
            await store.search([dense("otter")], principal=ANONYMOUS)
        assert said in caught.value.hint
        assert "secret" not in str(caught.value)
        store.close()


async def test_searches_go_on_after_their_connections_were_cut(filling: PgIndex) -> None:
    row = document("a", "otter")
    filling.publish(row)
    store = filling.store()
    assert (await one(store, dense("otter"))).ids == tuple(ids(row))
    with psycopg.connect(filling.database._address, autocommit=True) as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(cut + " AND pid <> pg_backend_pid()")
    assert (await one(store, dense("otter"))).ids == tuple(ids(row))


def test_one_writer_at_a_time_has_an_index(filling: PgIndex) -> None:
    filling.publish(document("a", "otter"))
    entered, order = threading.Event(), list[str]()

    def other() -> None:
        entered.set()
        with filling.database.writing("default"):
            order.append("second")

    with filling.database.writing("default"):
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
        thread.join(timeout=0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_writer_that_lost_its_connection_writes_nothing_more(filling: PgIndex) -> None:
    a, b = document("a", "otter"), document("b", "owl")
    filling.publish(a)
    space, number = Space.of(filling.version), filling.version.number
    vectors = filling.vectors([b])
    assert vectors is not None
    rows = filling.writer.rows  # type: ignore[attr-defined]

    def late() -> None:
        with rows.writing("default") as writer:
            with psycopg.connect(filling.database._address, autocommit=True) as connection:
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                others = " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                connection.execute(cut + others)
            writer.insert(space, "late", [b], vectors, born=number)

    with pytest.raises(StoreError):
        late()
    assert set(filling.stored()) == set(ids(a))
