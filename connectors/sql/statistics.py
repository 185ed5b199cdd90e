"""Document frequencies of tenants, a state for each version that changed them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from connectors.sql.index_version import Edition
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, passages, term_statistics
from connectors.sql.terms import Frequencies, nothing

#: States of a tenant's statistics that are kept, for readers of versions before the current one.
KEPT = 3


def count(edition: Edition, added: Mapping[str, list[bytes]], removed: Mapping[str, list[bytes]]) -> None:
    """Each tenant's statistics as of this version, from those before."""
    for tenant in sorted({*added, *removed}):
        plus, minus = added.get(tenant, []), removed.get(tenant, [])
        held, before = frequencies_at(edition.connection, edition.index.id, tenant, edition.number)
        _store(edition, tenant, held + len(plus) - len(minus), before.changed(plus, minus))


def recount(edition: Edition, terms: Mapping[str, bytes]) -> None:
    """New terms for passages that stay, and every tenant's statistics anew."""
    statement = (
        update(passages)
        .where(passages.c.index_id == edition.index.id, passages.c.id == bindparam("of_id"))
        .values(terms=bindparam("new_terms"))
    )
    for part in chunks(terms.items()):
        edition.connection.execute(
            statement, [{"of_id": passage, "new_terms": given} for passage, given in part]
        )
    for tenant, (held, frequencies) in recounted(edition.connection, edition.index.id).items():
        _store(edition, tenant, held, frequencies)


def _store(edition: Edition, tenant: str, held: int, frequencies: Frequencies) -> None:
    dimensions, counts = frequencies.dumped()
    mine = (term_statistics.c.index_id == edition.index.id, term_statistics.c.tenant == tenant)
    edition.connection.execute(
        insert(term_statistics).values(
            index_id=edition.index.id,
            tenant=tenant,
            number=edition.number,
            passages=held,
            dimensions=dimensions,
            counts=counts,
        )
    )
    newest = (
        select(term_statistics.c.number).where(*mine).order_by(term_statistics.c.number.desc()).limit(KEPT)
    )
    oldest = min(edition.connection.execute(newest).scalars())
    edition.connection.execute(delete(term_statistics).where(*mine, term_statistics.c.number < oldest))


def frequencies_at(
    connection: Connection, index_id: int, tenant: str, number: int
) -> tuple[int, Frequencies]:
    """A tenant's passages and frequencies as of a version; of the next later one that is kept, if need be."""
    query = select(term_statistics).where(
        term_statistics.c.index_id == index_id, term_statistics.c.tenant == tenant
    )
    order = term_statistics.c.number
    row = (
        connection.execute(query.where(order <= number).order_by(order.desc()).limit(1)).first()
        or connection.execute(query.where(order > number).order_by(order).limit(1)).first()
    )
    return (row.passages, Frequencies.loaded(row.dimensions, row.counts)) if row else (0, nothing())


def recounted(connection: Connection, index_id: int) -> dict[str, tuple[int, Frequencies]]:
    """Every tenant's passages and frequencies, counted from the passages themselves."""
    query = (
        select(documents.c.tenant, passages.c.terms)
        .select_from(passages.join(documents))
        .where(passages.c.index_id == index_id, passages.c.retired.is_(None))
    )
    terms: dict[str, list[bytes]] = defaultdict(list)
    for row in connection.execute(query):
        terms[row.tenant].append(row.terms)
    return {tenant: (len(blobs), nothing().changed(blobs, ())) for tenant, blobs in sorted(terms.items())}
