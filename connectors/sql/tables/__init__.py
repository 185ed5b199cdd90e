"""The tables, a family a module. A change here needs a migration, and a new `HEAD` beside it."""

from __future__ import annotations

from connectors.sql.tables.cache import cache_entries, cache_sources
from connectors.sql.tables.conversations import turns
from connectors.sql.tables.documents import documents, files, label_sets, passages
from connectors.sql.tables.features import passage_features
from connectors.sql.tables.feedback import answered, feedback
from connectors.sql.tables.indexes import indexes, removals, shard_files, shards, term_statistics
from connectors.sql.tables.jobs import jobs, leases, workers
from connectors.sql.tables.knowledge import (
    entity_changes,
    entity_edits,
    entity_names,
    extractions,
    facts,
    knowledge_imports,
)
from connectors.sql.tables.mentions import document_names, mention_scans, mentions
from connectors.sql.tables.metadata import metadata
from connectors.sql.tables.recommender import recommender_state, withdrawn_items
from connectors.sql.tables.runs import citations, run_leases, runs, steps
from connectors.sql.tables.trees import tree_leaves, tree_nodes, tree_notes, tree_waiting, trees

__all__ = [
    "answered",
    "cache_entries",
    "cache_sources",
    "citations",
    "document_names",
    "documents",
    "entity_changes",
    "entity_edits",
    "entity_names",
    "extractions",
    "facts",
    "feedback",
    "files",
    "indexes",
    "jobs",
    "knowledge_imports",
    "label_sets",
    "leases",
    "mention_scans",
    "mentions",
    "metadata",
    "passage_features",
    "passages",
    "recommender_state",
    "removals",
    "run_leases",
    "runs",
    "shard_files",
    "shards",
    "steps",
    "term_statistics",
    "workers",
    "tree_leaves",
    "tree_nodes",
    "tree_notes",
    "tree_waiting",
    "trees",
    "turns",
    "withdrawn_items",
]
