"""What the recommender's catalogue is now: the edition in use, and the items that no ranking may hold."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from connectors.sql.tables.metadata import Number, metadata

# One row. Whoever writes raises the revision first, and so holds the row until the end of its transaction.
recommender_state = Table(
    "recommender_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("edition", Text),
    Column("revision", Number, nullable=False),
)

# An item may be withdrawn by hand and have left the item table, too: what comes back to the table is still
# withdrawn by hand.
withdrawn_items = Table(
    "withdrawn_items",
    metadata,
    Column("item", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
)
