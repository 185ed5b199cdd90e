"""Whether an index keeps token vectors, and of what."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Add the columns: the indexes there are keep none."""
    op.add_column("indexes", sa.Column("tokens", sa.Text(), nullable=False, server_default=""))
    op.add_column("indexes", sa.Column("token_dimensions", sa.Integer(), nullable=False, server_default="0"))
