"""The knowledge graph: names of entities, facts, imports, changes by hand, and extractions."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text

from connectors.sql.tables.metadata import Json, Number, metadata

# Ids of entities, names and facts are hashes of what they are (`content_number`): a graph that is built
# again has the same. `document` and `passage` are empty where an import alone says something, `import_id` is
# 0 where a passage alone does. Where both are given, a reader needs both.
entity_names = Table(
    "entity_names",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("entity", Number, nullable=False),
    Column("folded", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("alias", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("weight", Double, nullable=False),
    Column("document", Text, nullable=False),
    Column("passage", Text, nullable=False),
    Column("import_id", Number, nullable=False),
    Index("ix_entity_names_folded", "index_id", "folded"),
    Index("ix_entity_names_entity", "index_id", "entity"),
    Index("ix_entity_names_passage", "index_id", "passage"),
)

# Names are those of the ends as they are written where the fact is said.
facts = Table(
    "facts",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("head", Number, nullable=False),
    Column("head_name", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("tail", Number, nullable=False),
    Column("tail_name", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("valid_until", Text, nullable=False),
    Column("weight", Double, nullable=False),
    Column("document", Text, nullable=False),
    Column("passage", Text, nullable=False),
    Column("import_id", Number, nullable=False),
    Index("ix_facts_head", "index_id", "head"),
    Index("ix_facts_tail", "index_id", "tail"),
    Index("ix_facts_passage", "index_id", "passage"),
)

# `labels` is the id of a set of labels, as that of a document.
knowledge_imports = Table(
    "knowledge_imports",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("labels", Text, nullable=False),
)

# The journal of changes by hand, numbered by tenant. `content` holds ids, and what the user typed; no text of
# a document.
entity_edits = Table(
    "entity_edits",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("content", Json, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("undone", Double),
)

# What holds of them: a merge of `entity` with `other`, the `name` of an entity, or that what a `document`
# says of an entity is said of `other`. `number` is 0 for merges that were found, not made by hand.
entity_changes = Table(
    "entity_changes",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("entity", Number, primary_key=True, autoincrement=False),
    Column("other", Number, primary_key=True, autoincrement=False),
    Column("document", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Index("ix_entity_changes_entity", "index_id", "entity"),
    Index("ix_entity_changes_other", "index_id", "other"),
)

# What was extracted from a passage, or why it was not. `contract` is the schema and the extractor, `key` the
# text with them: an unchanged text of another passage is not extracted again.
extractions = Table(
    "extractions",
    metadata,
    Column("index_id", Number, ForeignKey("indexes.id"), primary_key=True),
    Column("passage", Text, primary_key=True),
    Column("contract", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("ix_extractions_key", "index_id", "key"),
)
