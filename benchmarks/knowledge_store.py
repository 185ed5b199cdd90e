"""Measures the store of entities and facts: one hop at a million triples, and deletions beside a fresh build.

    python -m benchmarks.knowledge_store [--triples 1000000] [--entities 200000] [--hops 2000] [--json FILE]

Triples join entities that are drawn with Zipf's weights, as those of documents are: a few have tens of
thousands of facts, most a few. A hop is `KnowledgeStore.facts` of an entity that is drawn evenly, access
inside the query; `statement` is its SQL alone, as SQLite executes it. Deletions: 1,000 documents of five
passages with twenty facts each; 85 are removed by one publication, and the graph is compared by its hash with
one that never had them. No model is there to be asked.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import numpy as np
import typer

from connectors.sql import SqlIndexRegistry, SqlKnowledge, SqlLedger, open_database
from orchestrator.ports import Name, Statements, Triple
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.text.entity_names import entity_id, entity_key
from orchestrator.types import ANONYMOUS

PASSAGES = 5


def shelf(folder: Path) -> tuple[Publisher, SqlKnowledge]:
    """An index with its knowledge store."""
    database = open_database(folder / "state.db")
    registry = SqlIndexRegistry(database)
    registry.create("default", FORMAT)
    return Publisher(registry, SqlLedger(database, ManualClock())), SqlKnowledge(database, "default")


def named(number: int) -> Name:
    """The name of an entity."""
    text = f"Entity {number}"
    return Name(text, entity_key(text))


def statements(heads: list[int], tails: list[int]) -> Statements:
    """Facts between these entities."""
    return Statements(
        triples=tuple(
            Triple(named(head), f"relation {(head + tail) % 40}", named(tail))
            for head, tail in zip(heads, tails, strict=True)
        )
    )


async def one_hop(folder: Path, triples: int, entities: int, hops: int) -> dict[str, Any]:
    """Milliseconds of one hop."""
    index, store = shelf(folder)
    drawn = np.random.default_rng(7)
    weights = 1.0 / np.arange(1, entities + 1) ** 0.75
    weights /= weights.sum()
    per_document = 200
    documents = triples // per_document
    started = time.perf_counter()
    for first in range(0, documents, 500):
        rows = [
            document(f"d{number}", *(f"passage {number} {place}" for place in range(PASSAGES)))
            for number in range(first, min(first + 500, documents))
        ]
        index.publish(*rows)
        ends = drawn.choice(entities, size=(2, len(rows) * per_document), p=weights)
        said: dict[str, Statements] = {}
        each = per_document // PASSAGES
        for place, passage in enumerate(ids(*rows)):
            part = slice(place * each, (place + 1) * each)
            said[passage] = statements(ends[0, part].tolist(), ends[1, part].tolist())
        await store.put(said)
    loaded = time.perf_counter() - started
    chance = random.Random(7)
    wanted = [entity_id("default", named(chance.randrange(entities)).key) for _ in range(hops)]
    found: list[float] = []
    facts = 0
    for one in wanted:
        begun = time.perf_counter()
        facts += len(await store.facts(one, principal=ANONYMOUS))
        found.append((time.perf_counter() - begun) * 1_000)
    alone = statement_times(folder / "state.db", wanted)
    return {
        "load_seconds": round(loaded, 1),
        "megabytes": round((folder / "state.db").stat().st_size / 1e6),
        "facts_a_hop": round(facts / hops, 1),
        "hop_ms": percentiles(found),
        "statement_ms": percentiles(alone),
    }


def statement_times(path: Path, wanted: list[str]) -> list[float]:
    """Milliseconds of the statement that a hop executes, access inside it, without what stands around it."""
    connection = sqlite3.connect(path)
    query = """
        SELECT * FROM facts WHERE (head = ? OR tail = ?) AND index_id = 1 AND import_id IN (0) AND (
            document = '' OR EXISTS (
                SELECT 1 FROM documents AS said WHERE said.index_id = 1 AND said.id = facts.document
                AND said.tenant = 'default' AND said.retired IS NULL AND said.labels IN (
                    SELECT id FROM label_sets WHERE label = 'public'))) ORDER BY id LIMIT 2000"""
    found: list[float] = []
    for one in wanted:
        number = int(one, 16)
        begun = time.perf_counter()
        connection.execute(query, (number, number)).fetchall()
        found.append((time.perf_counter() - begun) * 1_000)
    connection.close()
    return found


async def deletions(folder: Path) -> dict[str, Any]:
    """Seconds to remove 85 of 1,000 documents, and whether what is left is what it would be without them."""
    chance = random.Random(7)
    rows = [document(f"d{n}", *(f"text {n} {place}" for place in range(PASSAGES))) for n in range(1_000)]
    said = {
        one: statements(
            [chance.randrange(4_000) for _ in range(20)], [chance.randrange(4_000) for _ in range(20)]
        )
        for one in ids(*rows)
    }
    hashes: list[str] = []
    seconds = 0.0
    for name, kept in (("whole", rows), ("rest", rows[85:])):
        (folder / name).mkdir()
        index, store = shelf(folder / name)
        index.publish(*kept)
        await store.put({one: said[one] for one in ids(*kept)})
        if name == "whole":
            begun = time.perf_counter()
            index.publish(removed=tuple(rows[:85]))
            seconds = time.perf_counter() - begun
        hashes.append(store.fingerprint())
    return {"seconds": round(seconds, 3), "same_hash": hashes[0] == hashes[1], "model_calls": 0}


def percentiles(values: list[float]) -> dict[str, float]:
    """p50 and p99."""
    cuts = quantiles(values, n=100)
    return {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3)}


def main(
    triples: Annotated[int, typer.Option(help="Facts.")] = 1_000_000,
    entities: Annotated[int, typer.Option(help="Entities.")] = 200_000,
    hops: Annotated[int, typer.Option(help="Entities that are looked up.")] = 2_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure both, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hops").mkdir()
        found = {
            "deletions": asyncio.run(deletions(Path(folder))),
            "one_hop": asyncio.run(one_hop(Path(folder) / "hops", triples, entities, hops)),
        }
    typer.echo(json.dumps(found, indent=2))
    if json_file is not None:
        json_file.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
