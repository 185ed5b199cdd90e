"""Verdicts are called feedback."""

from __future__ import annotations

from connectors.sql.migrations.operations import Operations


def upgrade(op: Operations) -> None:
    """Rename the table, and what is named after it."""
    op.rename_table("verdicts", "feedback")
    for column, columns in (("space", ["space", "id"]), ("created", ["created"])):
        op.drop_index(f"ix_verdicts_{column}")
        op.create_index(f"ix_feedback_{column}", "feedback", columns)
    if op.connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE feedback RENAME CONSTRAINT pk_verdicts TO pk_feedback")
        op.execute("ALTER SEQUENCE IF EXISTS verdicts_id_seq RENAME TO feedback_id_seq")
