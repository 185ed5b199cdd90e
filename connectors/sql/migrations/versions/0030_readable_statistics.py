"""Document frequencies by set of labels: a reader's are the sum over the sets that he may read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations
from connectors.sql.terms import nothing

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PASSAGES = """
SELECT passages.index_id, indexes.number, documents.tenant, documents.labels, passages.terms
FROM passages
JOIN indexes ON indexes.id = passages.index_id
JOIN documents ON documents.index_id = passages.index_id AND documents.id = passages.document_id
WHERE passages.retired IS NULL
ORDER BY passages.index_id, documents.tenant, documents.labels
"""


def upgrade(op: Operations) -> None:
    """Count anew, from the terms that are stored with the passages."""
    op.drop_table("term_statistics")
    statistics = op.create_table(
        "term_statistics",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("passages", NUMBER, nullable=False),
        sa.Column("dimensions", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_term_statistics_index_id"),
        sa.PrimaryKeyConstraint("index_id", "tenant", "labels", "number", name="pk_term_statistics"),
    )
    connection = op.connection
    rows = connection.execute(sa.text(PASSAGES), execution_options={"yield_per": 1_000})
    for (index_id, number, tenant, labels), group in groupby(rows, lambda row: tuple(row[:4])):
        held, frequencies = 0, nothing()
        terms: Iterator[bytes] = (row.terms for row in group)
        while part := list(islice(terms, 20_000)):
            held, frequencies = held + len(part), frequencies.changed(part, ())
        dimensions, counts = frequencies.dumped()
        values = {"index_id": index_id, "tenant": tenant, "labels": labels, "number": number}
        values |= {"passages": held, "dimensions": dimensions, "counts": counts}
        connection.execute(sa.insert(statistics).values(**values))
