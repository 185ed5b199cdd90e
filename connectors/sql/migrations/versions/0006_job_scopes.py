"""Jobs of every family: what they change has a kind beside its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the kind: the jobs there are change indexes."""
    op.execute("ALTER TABLE jobs RENAME COLUMN index_name TO scope_name")
    op.add_column("jobs", sa.Column("scope", sa.Text(), nullable=False, server_default="index"))
