"""State in SQL, in a SQLite file or PostgreSQL: indexes, documents, jobs, runs, conversations, cache."""

from __future__ import annotations

from connectors.sql.cache import SqlCache
from connectors.sql.catalogue import SqlCatalogue
from connectors.sql.conversations import SqlConversations
from connectors.sql.database import Database
from connectors.sql.documents import SqlDocuments
from connectors.sql.features import SqlFeatures
from connectors.sql.ledger import SqlLedger
from connectors.sql.runs import SqlRuns
from connectors.sql.verdicts import SqlVerdicts

__all__ = [
    "Database",
    "SqlCache",
    "SqlCatalogue",
    "SqlConversations",
    "SqlDocuments",
    "SqlFeatures",
    "SqlLedger",
    "SqlRuns",
    "SqlVerdicts",
]
