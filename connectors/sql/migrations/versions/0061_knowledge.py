"""The knowledge graph: names of entities, facts, imports, changes by hand, and extractions."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.migrations.operations import Operations

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create their tables."""
    _names(op)
    _facts(op)
    _imports(op)
    _changes(op)
    op.create_table(
        "extractions",
        _index_id(),
        _text("passage"),
        _text("contract"),
        _text("key"),
        _text("content"),
        _text("error"),
        *_keys("extractions", "passage"),
    )
    op.create_index("ix_extractions_key", "extractions", ["index_id", "key"])


def _names(op: Operations) -> None:
    op.create_table(
        "entity_names",
        _index_id(),
        _number("id"),
        _number("entity"),
        _text("folded"),
        _text("name"),
        sa.Column("alias", sa.Boolean(), nullable=False),
        _text("type"),
        _text("definition"),
        sa.Column("weight", sa.Double[float](), nullable=False),
        _text("document"),
        _text("passage"),
        _number("import_id"),
        *_keys("entity_names", "id"),
    )
    for column in ("folded", "entity", "passage"):
        op.create_index(f"ix_entity_names_{column}", "entity_names", ["index_id", column])


def _facts(op: Operations) -> None:
    op.create_table(
        "facts",
        _index_id(),
        _number("id"),
        _number("head"),
        _text("head_name"),
        _text("relation"),
        _number("tail"),
        _text("tail_name"),
        _text("valid_from"),
        _text("valid_until"),
        sa.Column("weight", sa.Double[float](), nullable=False),
        _text("document"),
        _text("passage"),
        _number("import_id"),
        *_keys("facts", "id"),
    )
    for column in ("head", "tail", "passage"):
        op.create_index(f"ix_facts_{column}", "facts", ["index_id", column])


def _imports(op: Operations) -> None:
    op.create_table(
        "knowledge_imports",
        _index_id(),
        _number("id"),
        _text("tenant"),
        _text("name"),
        _text("labels"),
        *_keys("knowledge_imports", "id"),
    )


def _changes(op: Operations) -> None:
    op.create_table(
        "entity_edits",
        _index_id(),
        _text("tenant"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _text("kind"),
        _text("content"),
        _text("by"),
        sa.Column("at", sa.Double[float](), nullable=False),
        sa.Column("undone", sa.Double[float](), nullable=True),
        *_keys("entity_edits", "tenant", "number"),
    )
    op.create_table(
        "entity_changes",
        _index_id(),
        _text("tenant"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _number("entity"),
        _number("other"),
        _text("document"),
        _text("kind"),
        _text("name"),
        *_keys("entity_changes", "tenant", "number", "entity", "other", "document"),
    )
    for column in ("entity", "other"):
        op.create_index(f"ix_entity_changes_{column}", "entity_changes", ["index_id", column])


def _index_id() -> sa.Column[int]:
    return sa.Column("index_id", NUMBER, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, autoincrement=False, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _keys(table: str, *columns: str) -> tuple[sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(["index_id"], ["indexes.id"], name=f"fk_{table}_index_id"),
        sa.PrimaryKeyConstraint("index_id", *columns, name=f"pk_{table}"),
    )
