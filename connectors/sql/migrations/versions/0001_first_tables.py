"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

down_revision = None

SECONDS: sa.types.TypeEngine[float] = sa.Double()
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create every table."""
    op.create_table(
        "cache_entries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("expires", SECONDS, nullable=True),
        sa.Column("used", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_cache_entries"),
    )
    op.create_index("ix_cache_entries_expires", "cache_entries", ["expires"], unique=False)
    op.create_index("ix_cache_entries_used", "cache_entries", ["used", "size"], unique=False)
    op.create_table(
        "indexes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("sparse", sa.Text(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("documents", NUMBER, nullable=False),
        sa.Column("passages", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_indexes"),
        sa.UniqueConstraint("name", name="uq_indexes_name"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("index_name", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", SECONDS, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("effects", sa.Text(), nullable=True),
        sa.Column("created", SECONDS, nullable=False),
        sa.Column("changed", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("key", name="uq_jobs_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "id"], unique=False)
    op.create_table(
        "label_sets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "label", name="pk_label_sets"),
    )
    op.create_index("ix_label_sets_label", "label_sets", ["label", "id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("durability", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created", SECONDS, nullable=False),
        sa.Column("seconds", SECONDS, nullable=False),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("degraded", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_created", "runs", ["created"], unique=False)
    op.create_index("ix_runs_reader", "runs", ["tenant", "principal", "created"], unique=False)
    op.create_table(
        "turns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )
    op.create_index("ix_turns_created", "turns", ["created"], unique=False)
    op.create_index("ix_turns_parent", "turns", ["parent"], unique=False)
    op.create_table(
        "cache_sources",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key"], ["cache_entries.key"], name="fk_cache_sources_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", "key", name="pk_cache_sources"),
    )
    op.create_index("ix_cache_sources_key", "cache_sources", ["key"], unique=False)
    op.create_table(
        "citations",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_citations_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_citations"),
    )
    op.create_index("ix_citations_passage", "citations", ["passage"], unique=False)
    op.create_table(
        "documents",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("retired", SECONDS, nullable=True),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_documents_index_id"),
        sa.PrimaryKeyConstraint("index_id", "id", name="pk_documents"),
    )
    op.create_index("ix_documents_number", "documents", ["index_id", "number"], unique=False)
    op.create_index(
        "ix_documents_retired",
        "documents",
        ["retired"],
        unique=False,
        sqlite_where=sa.text("retired IS NOT NULL"),
        postgresql_where=sa.text("retired IS NOT NULL"),
    )
    op.create_index("ix_documents_root", "documents", ["index_id", "root", "file"], unique=False)
    op.create_table(
        "files",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_files_index_id"),
        sa.PrimaryKeyConstraint("index_id", "root", "file", name="pk_files"),
    )
    op.create_table(
        "removals",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("passage", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_removals_index_id"),
        sa.PrimaryKeyConstraint("index_id", "passage", "shard", name="pk_removals"),
    )
    op.create_table(
        "shards",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("points", NUMBER, nullable=False),
        sa.Column("retired", SECONDS, nullable=True),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_shards_index_id"),
        sa.PrimaryKeyConstraint("index_id", "name", name="pk_shards"),
    )
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("started", SECONDS, nullable=False),
        sa.Column("seconds", SECONDS, nullable=False),
        sa.Column("reads", sa.Text(), nullable=False),
        sa.Column("writes", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_steps_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_steps"),
    )
    op.create_table(
        "term_statistics",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("passages", NUMBER, nullable=False),
        sa.Column("dimensions", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name="fk_term_statistics_index_id"),
        sa.PrimaryKeyConstraint("index_id", "tenant", "number", name="pk_term_statistics"),
    )
    op.create_table(
        "passages",
        sa.Column("index_id", NUMBER, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("retired", SECONDS, nullable=True),
        sa.ForeignKeyConstraint(
            ["index_id", "document_id"],
            ["documents.index_id", "documents.id"],
            name="fk_passages_index_id_document_id",
        ),
        sa.PrimaryKeyConstraint("index_id", "id", name="pk_passages"),
    )
    op.create_index("ix_passages_document", "passages", ["index_id", "document_id"], unique=False)
    op.create_index(
        "ix_passages_retired",
        "passages",
        ["retired"],
        unique=False,
        sqlite_where=sa.text("retired IS NOT NULL"),
        postgresql_where=sa.text("retired IS NOT NULL"),
    )
