"""State in SQL, in a SQLite file or PostgreSQL: indexes, documents, jobs, runs, conversations, cache."""

from __future__ import annotations

from connectors.sql.cache import SqlCache
from connectors.sql.conversations import SqlConversations
from connectors.sql.database import Database
from connectors.sql.documents import SqlDocuments
from connectors.sql.features import SqlFeatures
from connectors.sql.feedback import SqlFeedback
from connectors.sql.index_registry import SqlIndexRegistry
from connectors.sql.ledger import SqlLedger
from connectors.sql.recommender_state import SqlRecommenderState
from connectors.sql.runs import SqlRuns
from connectors.sql.schema import open_database
from connectors.sql.shard_registry import SqlShardRegistry
from connectors.sql.tree_registry import SqlTreeRegistry
from connectors.sql.trees import SqlTrees

__all__ = [
    "Database",
    "SqlCache",
    "SqlIndexRegistry",
    "SqlConversations",
    "SqlDocuments",
    "SqlFeatures",
    "SqlLedger",
    "SqlRecommenderState",
    "SqlRuns",
    "SqlShardRegistry",
    "SqlTreeRegistry",
    "SqlTrees",
    "SqlFeedback",
    "open_database",
]
