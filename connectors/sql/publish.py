"""What publishing writes: documents, passages, files, counts, and the cached results that fall with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Self

from sqlalchemy import Row, Select, Table, bindparam, delete, func, or_, select, text, update

from connectors.sql.access import label_set, store_label_sets
from connectors.sql.index_version import Edition, format_columns
from connectors.sql.seals import sealed
from connectors.sql.shards import add_shards, bury, merge, replace_all
from connectors.sql.statements import CHUNK, chunks, insert_all
from connectors.sql.statistics import Terms, count, recount
from connectors.sql.tables import cache_entries, cache_sources, documents, files, indexes, passages
from connectors.sql.terms import packed
from orchestrator.errors import IndexBusy, StoreError
from orchestrator.ports import DocumentRow, IndexChange, IndexFormat, ShardedChange


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change, and all about it that can be worked out before the transaction: a writer keeps others out."""

    change: IndexChange
    terms: Mapping[str, bytes]

    @classmethod
    def of(cls, change: IndexChange) -> Self:
        """StoreError if the change contradicts itself."""
        check(change)
        return cls(change, {passage: packed(terms) for passage, terms in change.terms.items()})


def apply(edition: Edition, prepared: Prepared) -> tuple[str, ...]:
    """Write a change as this version; the passages that are no longer part of the index."""
    change = prepared.change
    retired: tuple[str, ...] = ()
    if change.format is not None:
        _rebuild(edition, prepared, change.format)
    elif isinstance(change, ShardedChange) and change.merged:
        merge(edition, change)
    else:
        retired = _replace(edition, prepared)
    _write_files(edition, change)
    drop_cached(edition)
    return retired


def check(change: IndexChange) -> None:
    """StoreError for a change that contradicts itself: half an index is worse than none."""
    identifiers = [row.id for row in change.documents]
    if len(set(identifiers)) != len(identifiers):
        raise StoreError("A change names a document twice.")
    if both := set(identifiers) & set(change.removed_documents):
        raise StoreError(f"A change replaces and removes the same document: {min(both)}.")
    merged = isinstance(change, ShardedChange) and bool(change.merged)
    if (change.format is not None or merged) and (change.documents or change.removed_documents):
        raise StoreError("A merge or a rebuild changes no documents: publish these on their own.")
    if isinstance(change, ShardedChange):
        _check_shards(change)


def _check_shards(change: ShardedChange) -> None:
    held = sum(len(row.passages) for row in change.documents)
    points = change.shard.points if change.shard else 0
    if change.format is not None:
        if change.merged or change.shard:
            raise StoreError("A rebuild names all its shards in `shards`; it has no `shard` and no `merged`.")
    elif points != held and not change.merged:
        raise StoreError(
            f"The shard holds {points} passages, but the documents of the change have {held}.",
            hint="A shard holds exactly the passages of the documents that it is published with.",
        )


def drop_cached(edition: Edition) -> None:
    """Forget the kept results that stand on documents which this version changed."""
    if edition.connection.execute(select(cache_sources.c.key).limit(1)).first() is None:
        return
    changed = (documents.c.index_id == edition.index.id, documents.c.number == edition.number)
    inside = select(passages.c.id).select_from(passages.join(documents)).where(*changed)
    stale = select(cache_sources.c.key).where(
        or_(
            cache_sources.c.source.in_(select(documents.c.id).where(*changed)),
            cache_sources.c.source.in_(inside),
        )
    )
    edition.connection.execute(delete(cache_entries).where(cache_entries.c.key.in_(stale)))


def _rebuild(edition: Edition, prepared: Prepared, format: IndexFormat) -> None:
    """Put another format in the place of the old, and the shards of it, if the store has any."""
    change = prepared.change
    if change.base is not None and change.base != edition.index.number:
        raise IndexBusy(
            f"The index {edition.index.name!r} went from version {change.base} to {edition.index.number} "
            "while it was rebuilt.",
            hint="Rebuild it again from the current version.",
        )
    replace_all(edition, change.shards if isinstance(change, ShardedChange) else ())
    values = {
        **format_columns(format),
        # Counted anew: whatever was wrong with them is not carried on.
        "documents": _living(documents).scalar_subquery(),
        "passages": _living(passages).scalar_subquery(),
    }
    edition.connection.execute(update(indexes).where(indexes.c.id == edition.index.id).values(values))
    if prepared.terms:
        recount(edition, prepared.terms)


def _living(table: Table) -> Select[int]:
    """How many rows of a table are part of the index that is updated."""
    mine = (table.c.index_id == indexes.c.id, table.c.retired.is_(None))
    return select(func.count()).select_from(table).where(*mine)


def _replace(edition: Edition, prepared: Prepared) -> tuple[str, ...]:
    connection, index_id, change = edition.connection, edition.index.id, prepared.change
    known = _known(edition, [*(row.id for row in change.documents), *change.removed_documents])
    alive = sorted(identifier for identifier, row in known.items() if row.retired is None)
    added: Terms = defaultdict(list)
    removed: Terms = defaultdict(list)
    gone = _retire(edition, alive, removed)
    returning = _returning(edition, change, known)
    store_label_sets(connection, (row.labels for row in change.documents))
    new: list[DocumentRow] = []
    old: list[DocumentRow] = []
    for row in change.documents:
        (old if row.id in known else new).append(row)
    insert_all(connection, documents, (sealed(documents, _document(edition, row)) for row in new))
    _update_documents(edition, old)
    for part in chunks(change.removed_documents):
        going = (documents.c.index_id == index_id, documents.c.id.in_(part), documents.c.retired.is_(None))
        connection.execute(update(documents).where(*going).values(retired=edition.now, number=edition.number))
    rows = [sealed(passages, row) for row in _passages(edition, prepared, gone, added)]
    insert_all(connection, passages, (row for row in rows if row["id"] not in returning))
    _update_passages(edition, (row for row in rows if row["id"] in returning))
    if isinstance(change, ShardedChange) and change.shard is not None:
        add_shards(edition, [change.shard])
    count(edition, added, removed)
    came, went = sum(map(len, added.values())), sum(map(len, removed.values()))
    connection.execute(
        update(indexes)
        .where(indexes.c.id == index_id)
        .values(
            documents=indexes.c.documents + len(change.documents) - len(alive),
            passages=indexes.c.passages + came - went,
        )
    )
    # Until PostgreSQL has counted so many new rows, it reads whole tables; its own rounds are a minute apart.
    if came + went > CHUNK and connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE documents, passages, label_sets"))
    return tuple(sorted(gone.keys() - {row["id"] for row in rows}))


def _known(edition: Edition, ids: Iterable[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    columns = (documents.c.id, documents.c.retired)
    for part in chunks(ids):
        query = select(*columns).where(documents.c.index_id == edition.index.id, documents.c.id.in_(part))
        found.update({row.id: row for row in edition.connection.execute(query)})
    return found


def _retire(edition: Edition, ids: list[str], removed: Terms) -> dict[str, bytes]:
    """Take the passages of these documents out; their terms, since some may come back."""
    gone: dict[str, bytes] = {}
    columns = (passages.c.id, passages.c.terms, documents.c.tenant, documents.c.labels)
    for part in chunks(ids):
        theirs = (documents.c.index_id == edition.index.id, documents.c.id.in_(part))
        old = select(*columns).select_from(passages.join(documents))
        for row in edition.connection.execute(old.where(*theirs, passages.c.retired.is_(None))):
            removed[row.tenant, row.labels].append(row.terms)
            gone[row.id] = row.terms
        bury(edition, part)
        dying = (passages.c.index_id == edition.index.id, passages.c.document_id.in_(part))
        retired = update(passages).where(*dying, passages.c.retired.is_(None)).values(retired=edition.now)
        edition.connection.execute(retired)
    return gone


def _returning(edition: Edition, change: IndexChange, known: Mapping[str, Row[Any]]) -> set[str]:
    """The passages that are there already: they keep their rows, and what is derived from these."""
    found: set[str] = set()
    held = (passage.id for row in change.documents if row.id in known for passage in row.passages)
    for part in chunks(held):
        query = select(passages.c.id).where(passages.c.index_id == edition.index.id, passages.c.id.in_(part))
        found.update(edition.connection.execute(query).scalars())
    return found


def _update_passages(edition: Edition, rows: Iterable[Mapping[str, Any]]) -> None:
    columns = [column.name for column in passages.c if column.name not in ("index_id", "id")]
    statement = (
        update(passages)
        .where(passages.c.index_id == bindparam("of_index"), passages.c.id == bindparam("of_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    for part in chunks(rows):
        values = [
            {"of_index": row["index_id"], "of_id": row["id"]} | {f"new_{name}": row[name] for name in columns}
            for row in part
        ]
        edition.connection.execute(statement, values)


def _update_documents(edition: Edition, rows: Iterable[DocumentRow]) -> None:
    columns = [column.name for column in documents.c if column.name not in ("index_id", "id")]
    statement = (
        update(documents)
        .where(documents.c.index_id == bindparam("of_index"), documents.c.id == bindparam("of_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    for part in chunks(sealed(documents, _document(edition, row)) for row in rows):
        values = [
            {"of_index": row["index_id"], "of_id": row["id"]} | {f"new_{name}": row[name] for name in columns}
            for row in part
        ]
        edition.connection.execute(statement, values)


def _document(edition: Edition, row: DocumentRow) -> dict[str, Any]:
    return {
        "index_id": edition.index.id,
        "id": row.id,
        "tenant": row.tenant,
        "root": row.root,
        "file": row.file,
        "document": row.document,
        "title": row.title,
        "source": row.source,
        "hash": row.hash,
        "labels": label_set(row.labels),
        "metadata": dict(row.metadata),
        "batch": edition.number,
        "number": edition.number,
        "retired": None,
    }


def _passages(
    edition: Edition, prepared: Prepared, kept: Mapping[str, bytes], added: Terms
) -> Iterator[dict[str, Any]]:
    for row in prepared.change.documents:
        group = row.tenant, label_set(row.labels)
        for passage in row.passages:
            terms = prepared.terms.get(passage.id)
            if terms is None:
                terms = kept.get(passage.id, b"")
            added[group].append(terms)
            yield {
                "index_id": edition.index.id,
                "id": passage.id,
                "document_id": row.id,
                "position": passage.position,
                "text": passage.text,
                "hash": passage.hash,
                "terms": terms,
                "retired": None,
                "places": [astuple(place) for place in passage.places] or None,
            }


def _write_files(edition: Edition, change: IndexChange) -> None:
    gone = [*change.removed_files, *((row.root, row.file) for row in change.files)]
    statement = delete(files).where(
        files.c.index_id == edition.index.id,
        files.c.root == bindparam("of_root"),
        files.c.file == bindparam("of_file"),
    )
    for part in chunks(gone):
        edition.connection.execute(statement, [{"of_root": root, "of_file": file} for root, file in part])
    rows = (
        {
            "index_id": edition.index.id,
            "root": row.root,
            "file": row.file,
            "tenant": row.tenant,
            "hash": row.hash,
            "size": row.size,
            "labels": sorted(set(row.labels)),
            "documents": row.documents,
            "passages": row.passages,
            "error": row.error,
        }
        for row in change.files
    )
    insert_all(edition.connection, files, (sealed(files, row) for row in rows))
