"""Document frequencies of sets of labels, a state for each version that changed them.

A reader's statistics are the sum over the sets of labels that one of his grants is in. A passage is in
one set, so the sum is exact, and passages that he may not read are in none of its terms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update

from connectors.sql.access import carrying
from connectors.sql.index_version import Edition
from connectors.sql.statements import chunks
from connectors.sql.tables import documents, passages, term_statistics
from connectors.sql.terms import Frequencies, nothing
from orchestrator.types import Principal

#: States of a set's statistics that are kept, for readers of versions before the current one.
KEPT = 3
#: Passages whose terms are in memory at once.
_PASSAGES = 20_000

#: A tenant and the id of a set of labels: whoever may read one of its passages may read them all.
Group = tuple[str, str]
#: Packed terms of passages, by group.
Terms = dict[Group, list[bytes]]
#: How many passages, and their document frequencies.
Counted = tuple[int, Frequencies]


def count(edition: Edition, added: Mapping[Group, list[bytes]], removed: Mapping[Group, list[bytes]]) -> None:
    """Each group's statistics as of this version, from those before."""
    for group in sorted({*added, *removed}):
        before = frequencies_at(edition.connection, edition.index.id, group, edition.number)
        _store(edition, group, _changed(before, added.get(group, []), removed.get(group, [])))


def move(edition: Edition, which: Sequence[ColumnElement[bool]], labels: str) -> None:
    """Count the passages of these documents, still under their old labels, under another set of labels."""
    rows = _terms(edition.connection, edition.index.id, *which)
    states: dict[Group, Counted] = {}
    for part in chunks(rows, _PASSAGES):
        added: Terms = defaultdict(list)
        removed: Terms = defaultdict(list)
        for (tenant, before), terms in part:
            removed[tenant, before].append(terms)
            added[tenant, labels].append(terms)
        for group in {*added, *removed}:
            state = states.get(group)
            if state is None:
                state = frequencies_at(edition.connection, edition.index.id, group, edition.number)
            states[group] = _changed(state, added.get(group, []), removed.get(group, []))
    for group, state in sorted(states.items()):
        _store(edition, group, state)


def recount(edition: Edition, terms: Mapping[str, bytes]) -> None:
    """New terms for passages that stay, and every group's statistics anew."""
    statement = (
        update(passages)
        .where(passages.c.index_id == edition.index.id, passages.c.id == bindparam("of_id"))
        .values(terms=bindparam("new_terms"))
    )
    for part in chunks(terms.items()):
        edition.connection.execute(
            statement, [{"of_id": passage, "new_terms": given} for passage, given in part]
        )
    for group, state in recounted(edition.connection, edition.index.id).items():
        _store(edition, group, state)


def frequencies_at(connection: Connection, index_id: int, group: Group, number: int) -> Counted:
    """A group's passages and frequencies as of a version."""
    tenant, labels = group
    found = _states(connection, index_id, tenant, number, term_statistics.c.labels == labels)
    return found.get(labels, (0, nothing()))


def readable_frequencies(connection: Connection, index_id: int, principal: Principal, number: int) -> Counted:
    """How many passages a principal may read as of a version, and their frequencies."""
    states: dict[str, Counted] = {}
    for part in chunks(sorted(principal.grants)):
        granted = term_statistics.c.labels.in_(carrying(part))
        states |= _states(connection, index_id, principal.tenant, number, granted)
    held = sum(number for number, _ in states.values())
    return held, Frequencies.summed([found for _, found in states.values()])


def recounted(connection: Connection, index_id: int) -> dict[Group, Counted]:
    """Every group's passages and frequencies, counted from the passages themselves."""
    states: dict[Group, Counted] = {}
    for part in chunks(_terms(connection, index_id), _PASSAGES):
        terms: Terms = defaultdict(list)
        for group, packed in part:
            terms[group].append(packed)
        for group, blobs in terms.items():
            states[group] = _changed(states.get(group, (0, nothing())), blobs, [])
    return dict(sorted(states.items()))


def _terms(
    connection: Connection, index_id: int, *which: ColumnElement[bool]
) -> Iterable[tuple[Group, bytes]]:
    query = select(documents.c.tenant, documents.c.labels, passages.c.terms)
    query = query.select_from(passages.join(documents)).where(
        passages.c.index_id == index_id, passages.c.retired.is_(None), *which
    )
    for row in connection.execute(query.execution_options(yield_per=1_000)):
        yield (row.tenant, row.labels), row.terms


def _states(
    connection: Connection, index_id: int, tenant: str, number: int, which: ColumnElement[bool]
) -> dict[str, Counted]:
    """Counts by set of labels: the newest as of the version.

    Where that has been given up, the oldest that is kept; where there was none yet, none.
    """
    mine = (term_statistics.c.index_id == index_id, term_statistics.c.tenant == tenant)
    numbers = term_statistics.c.number
    newest = func.max(case((numbers <= number, numbers)))
    oldest = case((func.count() >= KEPT, func.min(numbers)))
    chosen = (
        select(term_statistics.c.labels, func.coalesce(newest, oldest).label("chosen"))
        .where(*mine, which)
        .group_by(term_statistics.c.labels)
        .subquery()
    )
    joined = term_statistics.join(
        chosen, (chosen.c.labels == term_statistics.c.labels) & (chosen.c.chosen == numbers)
    )
    rows = connection.execute(select(term_statistics).select_from(joined).where(*mine))
    return {row.labels: (row.passages, Frequencies.loaded(row.dimensions, row.counts)) for row in rows}


def _changed(state: Counted, added: list[bytes], removed: list[bytes]) -> Counted:
    held, frequencies = state
    return held + len(added) - len(removed), frequencies.changed(added, removed)


def _store(edition: Edition, group: Group, state: Counted) -> None:
    tenant, labels = group
    held, frequencies = state
    dimensions, counts = frequencies.dumped()
    mine = (
        term_statistics.c.index_id == edition.index.id,
        term_statistics.c.tenant == tenant,
        term_statistics.c.labels == labels,
    )
    edition.connection.execute(
        insert(term_statistics).values(
            index_id=edition.index.id,
            tenant=tenant,
            labels=labels,
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
