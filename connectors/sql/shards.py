"""Which shards an index consists of, and which passages are dead in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Join, Select, and_, delete, func, literal, select, update

from connectors.sql.index_version import Edition
from connectors.sql.statements import insert_all, insert_missing, insert_missing_from
from connectors.sql.tables import documents, passages, removals, shard_files, shards
from orchestrator.errors import IndexBusy, StoreError
from orchestrator.ports import Shard, ShardedChange


def add_shards(edition: Edition, added: Sequence[Shard]) -> None:
    """Shards that this version is the first to have; StoreError for a name that was used before."""
    rows = [
        {
            "index_id": edition.index.id,
            "name": shard.name,
            "number": edition.number,
            "position": position,
            "batch": edition.number,
            "points": shard.points,
            "retired": None,
        }
        for position, shard in enumerate(added)
    ]
    if insert_missing(edition.connection, shards, rows) != len(rows):
        names = ", ".join(shard.name for shard in added)
        raise StoreError(f"The index {edition.index.name!r} has had a shard {names} before.")
    for shard in added:
        insert_all(edition.connection, shard_files, rows_of_files(edition.index.id, shard))


def shard_effects(change: ShardedChange) -> dict[str, Any]:
    """What the record of a job says of the shards that it published."""
    added = [shard.name for shard in (change.shard, *change.shards) if shard]
    return {"merged": list(change.merged), "shards": added}


def rows_of_files(index_id: int, shard: Shard) -> list[dict[str, Any]]:
    """What is stored of the files of a shard."""
    return [
        {"index_id": index_id, "shard": shard.name, "file": file, "digest": digest}
        for file, digest in sorted(shard.files.items())
    ]


def _forget_files(edition: Edition, names: Collection[str]) -> None:
    given_up = (shard_files.c.index_id == edition.index.id, shard_files.c.shard.in_(names))
    edition.connection.execute(delete(shard_files).where(*given_up))


def merge(edition: Edition, change: ShardedChange) -> None:
    """Put one shard in the place of several; what is dead in it is what died since it was read."""
    mine = shards.c.index_id == edition.index.id
    merged = edition.connection.execute(
        select(shards).where(mine, shards.c.name.in_(change.merged), shards.c.retired.is_(None))
    ).all()
    if len(merged) != len(set(change.merged)):
        raise IndexBusy(
            f"Some of the shards {', '.join(change.merged)} are no longer part of {edition.index.name!r}.",
            hint="Merge those of the current version.",
        )
    batches = {row.batch for row in merged}
    if change.shard is not None:
        _carry_removals(edition, change, {row.name for row in merged})
    edition.connection.execute(
        delete(removals).where(removals.c.index_id == edition.index.id, removals.c.shard.in_(change.merged))
    )
    edition.connection.execute(
        update(shards).where(mine, shards.c.name.in_(change.merged)).values(retired=edition.now)
    )
    _forget_files(edition, change.merged)
    # A shard of a merged batch that stays joins the new batch: its documents may be in either.
    edition.connection.execute(
        update(shards)
        .where(mine, shards.c.batch.in_(batches), shards.c.retired.is_(None))
        .values(batch=edition.number)
    )
    edition.connection.execute(
        update(documents)
        .where(documents.c.index_id == edition.index.id, documents.c.batch.in_(batches))
        .values(batch=edition.number)
    )
    if change.shard is not None:
        add_shards(edition, [change.shard])


def _carry_removals(edition: Edition, change: ShardedChange, merged: set[str]) -> None:
    assert change.shard is not None
    dead = removals.alias()
    query = select(dead.c.passage, func.max(dead.c.number)).where(
        dead.c.index_id == edition.index.id, dead.c.shard.in_(merged)
    )
    if change.base is not None:
        query = query.where(dead.c.number > change.base)
    # Dead in one of the merged shards, but alive in another: the copy that was merged is the live one.
    alive = (
        select(passages.c.id)
        .select_from(lying())
        .where(passages.c.index_id == edition.index.id, passages.c.id == dead.c.passage)
        .where(passages.c.retired.is_(None), shards.c.name.in_(merged), ~_dead_in(shards.c.name).exists())
    )
    query = query.where(~alive.exists()).group_by(dead.c.passage)
    rows = edition.connection.execute(query).all()
    insert_all(
        edition.connection,
        removals,
        (
            {
                "index_id": edition.index.id,
                "shard": change.shard.name,
                "passage": passage,
                "number": number,
            }
            for passage, number in rows
        ),
    )


def replace_all(edition: Edition, added: Sequence[Shard]) -> None:
    """Put new shards in the place of all; none, for a store that has no shards."""
    mine = edition.index.id
    edition.connection.execute(delete(removals).where(removals.c.index_id == mine))
    edition.connection.execute(delete(shard_files).where(shard_files.c.index_id == mine))
    edition.connection.execute(
        update(shards)
        .where(shards.c.index_id == mine, shards.c.retired.is_(None))
        .values(retired=edition.now)
    )
    edition.connection.execute(
        update(documents).where(documents.c.index_id == mine).values(batch=edition.number)
    )
    add_shards(edition, added)


def lying() -> Join:
    """Passages with their documents and with the shards of the current version that may hold them."""
    there = and_(
        shards.c.index_id == documents.c.index_id,
        shards.c.batch == documents.c.batch,
        shards.c.retired.is_(None),
    )
    return passages.join(documents).join(shards, there)


def in_no_shard() -> ColumnElement[bool]:
    """Whether a document has passages that are part of its index, and lies in no shard of it."""
    there = select(shards.c.batch).where(
        shards.c.index_id == documents.c.index_id,
        shards.c.batch == documents.c.batch,
        shards.c.retired.is_(None),
    )
    held = select(passages.c.id).where(
        passages.c.index_id == documents.c.index_id,
        passages.c.document_id == documents.c.id,
        passages.c.retired.is_(None),
    )
    return and_(~there.correlate(documents).exists(), held.correlate(documents).exists())


def bury(edition: Edition, ids: Sequence[str]) -> None:
    """Note the passages of these documents as dead in every shard that may hold them."""
    dying = (documents.c.index_id == edition.index.id, documents.c.id.in_(ids), passages.c.retired.is_(None))
    copies = (
        select(passages.c.index_id, passages.c.id, shards.c.name, literal(edition.number))
        .select_from(lying())
        .where(*dying)
    )
    # Of a rebuild's shards, one may be known to be without a passage that is alive in another.
    insert_missing_from(edition.connection, removals, copies)


def _dead_in(shard: ColumnElement[str]) -> Select[Any]:
    """Of the enclosing query's passages, those whose copy in this shard of its is dead."""
    return (
        select(removals.c.passage)
        .where(
            removals.c.index_id == passages.c.index_id,
            removals.c.shard == shard,
            removals.c.passage == passages.c.id,
        )
        .correlate(passages, shards)
    )
