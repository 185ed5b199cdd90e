"""Pages and sections: where the text of a passage stands in its document, and what a citation cites there."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Add them: of the passages and citations there are, nobody knows until their files are read again."""
    op.add_column("passages", sa.Column("places", sa.Text(), nullable=True))
    op.add_column("citations", sa.Column("page", sa.Integer(), nullable=True))
    op.add_column("citations", sa.Column("section", sa.Text(), nullable=True))
